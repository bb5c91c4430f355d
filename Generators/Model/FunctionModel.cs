namespace Modal.Generators.Model;

/// <summary>A parameter of a function or of a service's constructor.</summary>
/// <param name="Name">As in C#, with <c>@</c> where it is a keyword.</param>
/// <param name="Type">Its type.</param>
/// <param name="Default">Its default in C#; null if it has none.</param>
/// <param name="IsCancellationToken">It is filled by the runner and never sent.</param>
internal sealed record ParameterModel(string Name, TypeReference Type, string? Default, bool IsCancellationToken);

internal enum ReturnKind
{
    Nothing,
    Value,
    Stream,
}

internal enum AwaitKind
{
    None,
    Task,
    ValueTask,
}

/// <summary>A method with [Function].</summary>
internal sealed record FunctionModel(
    string Method,
    string FullName,
    string Documentation,
    bool IsStatic,
    EquatableArray<ParameterModel> Parameters,
    ReturnKind Returns,
    AwaitKind Awaits,
    TypeReference? Result,
    string DeclaredReturn,
    OptionsModel Options,
    bool IsPublic,
    EquatableArray<TypeDefinition> Types);

/// <summary>Options as written: pairs of the property's name and its value in C#, and the image member.</summary>
internal sealed record OptionsModel(EquatableArray<OptionModel> Written, string ImageMember, string ImageExpression);

internal sealed record OptionModel(string Name, string Value, string Json);

/// <summary>The type that gets a Remote class: its namespace and the chain of declarations around it, outermost first.</summary>
internal sealed record ContainerModel(string Namespace, EquatableArray<string> Declarations, string FullName, string MetadataName);

/// <summary>One method as the pipeline carries it: a function, or what is wrong with it.</summary>
internal sealed record ParsedFunction(ContainerModel? Container, FunctionModel? Function, EquatableArray<DiagnosticModel> Diagnostics);

/// <summary>A class with [Service].</summary>
internal sealed record ServiceModel(
    ContainerModel Container,
    string Documentation,
    EquatableArray<ParameterModel> Parameters,
    EquatableArray<FunctionModel> Functions,
    EquatableArray<HookModel> Enter,
    EquatableArray<HookModel> Exit,
    OptionsModel Options,
    bool IsPublic,
    EquatableArray<TypeDefinition> Types);

internal sealed record ParsedService(ServiceModel? Service, EquatableArray<DiagnosticModel> Diagnostics);

/// <summary>A lifecycle method; its call is C# on a value named service, or the interface to call it through.</summary>
internal sealed record HookModel(string Name, string Call, AwaitKind Awaits, bool Snapshot);
