namespace Modal.Generators.Model;

/// <summary>How a value of a type is written and read in generated code.</summary>
/// <param name="Type">The type without nullable annotations and tuple names.</param>
/// <param name="Write">A statement without semicolon; <c>{0}</c> stands for the value.</param>
/// <param name="Read">An expression.</param>
internal sealed record TypeUse(string Type, string Write, string Read);

/// <summary>A parameter of a method or constructor.</summary>
/// <param name="Name">Escaped for C#.</param>
/// <param name="Type">As declared, with nullable annotations and tuple names.</param>
/// <param name="Default">A C# expression, or null.</param>
/// <param name="IsParams">Declared with <c>params</c>.</param>
/// <param name="Use">Null for a cancellation token, which is never sent.</param>
internal sealed record ParameterModel(string Name, string Type, string? Default, bool IsParams, TypeUse? Use);

/// <summary>One option that was written in an attribute.</summary>
/// <param name="Name">The property.</param>
/// <param name="Code">As C#.</param>
/// <param name="Json">As JSON.</param>
internal sealed record OptionModel(string Name, string Code, string Json);

/// <summary>The member that gives the image.</summary>
/// <param name="Name">As written in the attribute.</param>
/// <param name="Member">With its type, for messages.</param>
/// <param name="Expression">C# that evaluates it.</param>
/// <param name="Layers">Canonical JSON of each layer, from the base up; none if it is not constant.</param>
/// <param name="Dynamic">Why it is not constant; null if it is.</param>
internal sealed record ImageModel(string Name, string Member, string Expression, EquatableArray<string> Layers, string? Dynamic);

/// <summary>A member that gives a secret.</summary>
/// <param name="Name">As written in the attribute.</param>
/// <param name="Expression">C# that evaluates it.</param>
internal sealed record SecretModel(string Name, string Expression);

/// <summary>A type whose values are stored in dicts or queues.</summary>
/// <param name="Use">How they travel.</param>
internal sealed record StoredTypeModel(TypeUse Use);

/// <summary>What a method gives back.</summary>
internal enum ReturnKind
{
    /// <summary>Nothing.</summary>
    Void,

    /// <summary>A value.</summary>
    Value,

    /// <summary>Task or ValueTask.</summary>
    Awaitable,

    /// <summary>Task or ValueTask of a value.</summary>
    AwaitableValue,

    /// <summary>IAsyncEnumerable.</summary>
    Stream,
}

/// <summary>What a method gives back.</summary>
/// <param name="Kind">How it is awaited.</param>
/// <param name="DeclaredType">The method's return type.</param>
/// <param name="ResultType">The value's type with annotations; null for none.</param>
/// <param name="Use">How the value travels; null for none.</param>
internal sealed record ReturnModel(ReturnKind Kind, string DeclaredType, string? ResultType, TypeUse? Use);

/// <summary>A type that generated code is added to.</summary>
/// <param name="Name">Full name with dots, as functions are registered.</param>
/// <param name="Global">As C#: <c>global::</c> and escapes.</param>
/// <param name="Namespace">Escaped; empty for none.</param>
/// <param name="Headers">Such as <c>partial class Jobs</c>, outermost first.</param>
internal sealed record OwnerModel(string Name, string Global, string Namespace, EquatableArray<string> Headers);

/// <summary>How a method takes many inputs at once; its parameter and result are otherwise modelled as one element and one result.</summary>
/// <param name="MaxSize">As written.</param>
/// <param name="WaitMs">As written.</param>
/// <param name="Elements">The parameter's type.</param>
/// <param name="List">A list of the elements.</param>
/// <param name="Argument">C# that makes the parameter from the list <c>elements</c>.</param>
/// <param name="Results">The type of the results, without the task around it.</param>
/// <param name="Count">The property that counts the results.</param>
internal sealed record BatchModel(int MaxSize, int WaitMs, string Elements, string List, string Argument, string Results, string Count);

/// <summary>A method marked as a function.</summary>
internal sealed record FunctionModel(
    OwnerModel Owner,
    string Name,
    string EscapedName,
    bool IsStatic,
    bool IsPublic,
    EquatableArray<ParameterModel> Parameters,
    ReturnModel Return,
    EquatableArray<OptionModel> Options,
    ImageModel? Image,
    EquatableArray<MountModel> Mounts,
    EquatableArray<string> Docs,
    BatchModel? Batch,
    int ClusterSize,
    EquatableArray<SecretModel> Secrets)
{
    public string FullName => Owner.Name + "." + Name;

    public IEnumerable<ParameterModel> Sent => Parameters.Where(p => p.Use is not null);

    /// <summary>The parameters as the method declares them.</summary>
    public IEnumerable<ParameterModel> Declared => Batch is null ? Parameters : Parameters.Select(p => p.Use is null ? p : p with { Type = Batch.Elements });

    /// <summary>What the method gives, without the task around it; null for nothing.</summary>
    public string? DeclaredResult => Batch?.Results ?? Return.ResultType;
}

/// <summary>What a lifecycle method returns.</summary>
internal enum HookReturn
{
    /// <summary>Nothing.</summary>
    Void,

    /// <summary>Task.</summary>
    Task,

    /// <summary>ValueTask.</summary>
    ValueTask,
}

/// <summary>An [Enter] or [Exit] method.</summary>
/// <param name="Name">The method.</param>
/// <param name="Call">C# of the call; <c>{0}</c> stands for the instance, and <c>token</c> is the cancellation token.</param>
/// <param name="Returns">What the call returns.</param>
/// <param name="Snapshot">As written.</param>
internal sealed record HookModel(string Name, string Call, HookReturn Returns, bool Snapshot);

/// <summary>A volume at a path.</summary>
/// <param name="Path">As written.</param>
/// <param name="Name">The member, as written.</param>
/// <param name="Expression">C# that evaluates it.</param>
internal sealed record MountModel(string Path, string Name, string Expression);

/// <summary>A class marked as a service.</summary>
internal sealed record ServiceModel(
    OwnerModel Owner,
    bool IsPublic,
    EquatableArray<ParameterModel> Parameters,
    EquatableArray<HookModel> Enter,
    EquatableArray<HookModel> Exit,
    EquatableArray<OptionModel> Options,
    ImageModel? Image,
    EquatableArray<MountModel> Mounts,
    EquatableArray<string> Docs,
    int ClusterSize,
    EquatableArray<SecretModel> Secrets);

/// <summary>What became of one attribute: a model, maybe with remarks on its image, or diagnostics that say why there is none.</summary>
internal sealed record Parsed<T>(T? Model, EquatableArray<CodecModel> Codecs, EquatableArray<DiagnosticModel> Diagnostics)
    where T : class;

/// <summary>All that one generated file is made from.</summary>
internal sealed record UnitModel(OwnerModel Owner, ServiceModel? Service, EquatableArray<FunctionModel> Functions);
