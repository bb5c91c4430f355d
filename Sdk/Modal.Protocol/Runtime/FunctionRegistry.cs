using System.Collections.Concurrent;

namespace Modal.Runtime;

/// <summary>
/// Every function and service of the assemblies loaded so far. Generated module initializers fill it; registering a name again replaces it,
/// so a newer version of the code takes over and the older one can be unloaded. Safe for many threads.
/// </summary>
public static class FunctionRegistry
{
    private static readonly ConcurrentDictionary<string, FunctionDefinition> s_functions = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<string, ServiceDefinition> s_services = new(StringComparer.Ordinal);

    /// <summary>Static functions registered so far.</summary>
    public static IReadOnlyCollection<FunctionDefinition> Functions => s_functions.Values.ToArray();

    /// <summary>Services registered so far.</summary>
    public static IReadOnlyCollection<ServiceDefinition> Services => s_services.Values.ToArray();

    /// <summary>Adds or replaces a static function.</summary>
    public static void Register(FunctionDefinition function)
    {
        ArgumentNullException.ThrowIfNull(function);
        s_functions[function.Name] = function;
    }

    /// <summary>Adds or replaces a service.</summary>
    public static void Register(ServiceDefinition service)
    {
        ArgumentNullException.ThrowIfNull(service);
        s_services[service.Name] = service;
    }

    /// <summary>The static function of that name, or null.</summary>
    public static FunctionDefinition? FindFunction(string name) => s_functions.GetValueOrDefault(name);

    /// <summary>The service of that name, or null.</summary>
    public static ServiceDefinition? FindService(string name) => s_services.GetValueOrDefault(name);
}
