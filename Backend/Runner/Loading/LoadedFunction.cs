using Modal.Runtime;

namespace Modal.Backend.Runner.Loading;

/// <summary>What this container serves: the methods an input may name, and the service they belong to.</summary>
/// <param name="Methods">In the order of the specification.</param>
/// <param name="Service">Null for a static function.</param>
/// <param name="Instance">The service's instance; null for a static function.</param>
internal sealed record LoadedFunction(FunctionDefinition[] Methods, ServiceDefinition? Service, object? Instance);
