using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>The nested Remote class of a class with static functions.</summary>
internal static class RemoteClassEmitter
{
    public static string Emit(RemoteClassModel model)
    {
        var code = new CodeWriter(CodeWriter.Header);
        OpenContainer(code, model.Container);
        code.Line($"/// <summary>Handles of the remote functions of {model.Container.MetadataName}.</summary>").Open("public static class Remote");
        foreach (var function in model.Functions)
        {
            code.Lines(function.Documentation)
                .Line($"{(function.IsPublic ? "public" : "internal")} static {HandleEmitter.ClassName(function)} {function.Method} {{ get; }} = new {HandleEmitter.ClassName(function)}();").Line();
        }

        foreach (var function in model.Functions)
        {
            HandleEmitter.Emit(code, function, model.Container.FullName);
            code.Line();
        }

        code.Line("[global::System.ComponentModel.EditorBrowsable(global::System.ComponentModel.EditorBrowsableState.Never)]").Open("internal static void Register(string assembly)");
        foreach (var function in model.Functions)
        {
            code.Line($"global::Modal.Runtime.FunctionRegistry.Register({Definition(function)});");
        }

        code.Close().Close();
        CloseContainer(code, model.Container);
        return code.ToString();
    }

    public static void OpenContainer(CodeWriter code, ContainerModel container)
    {
        if (container.Namespace.Length > 0)
        {
            code.Open($"namespace {container.Namespace}");
        }

        foreach (var declaration in container.Declarations)
        {
            code.Open(declaration);
        }
    }

    public static void CloseContainer(CodeWriter code, ContainerModel container)
    {
        for (var i = 0; i < container.Declarations.Count + (container.Namespace.Length > 0 ? 1 : 0); i++)
        {
            code.Close();
        }
    }

    public static string Definition(FunctionModel function)
    {
        var members = new List<string>
        {
            $"Name = {Json.String(function.FullName)}",
            "Assembly = assembly",
            $"Invoke = {HandleEmitter.ClassName(function)}.Invoke",
        };
        members.AddRange(OptionMembers(function.Options));
        if (function.Returns == ReturnKind.Stream)
        {
            members.Add("IsStreaming = true");
        }

        return $"new global::Modal.Runtime.FunctionDefinition {{ {string.Join(", ", members)} }}";
    }

    public static IEnumerable<string> OptionMembers(OptionsModel options)
    {
        if (options.Written.Count > 0)
        {
            yield return $"Options = new global::Modal.Runtime.FunctionOptions {{ {string.Join(", ", options.Written.Select(o => $"{o.Name} = {o.Value}"))} }}";
        }

        if (options.ImageExpression.Length > 0)
        {
            yield return $"Image = static () => {options.ImageExpression}";
        }
    }
}
