using System.Reflection;
using System.Runtime.CompilerServices;
using Modal.Backend.Runner.Failures;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Backend.Runner.Loading;

/// <summary>From a code folder and a specification to something that can be called.</summary>
internal static class CodeLoader
{
    /// <summary>Loads the assembly, which registers what it has, and finds the function. Makes a service's instance.</summary>
    /// <param name="start">What to load.</param>
    /// <param name="failure">Why it did not work.</param>
    /// <returns>Null if it did not work.</returns>
    public static LoadedFunction? Load(RunnerStart start, out Failure? failure)
    {
        var step = $"Loading {start.Function.Assembly}.dll";
        try
        {
            SetEnvironment(start.Environment);

            // User code that looks for files beside itself must find its own, not the runner's.
            AppContext.SetData("APP_CONTEXT_BASE_DIRECTORY", start.CodePath.TrimEnd('/') + "/");
            var path = Path.Combine(start.CodePath, start.Function.Assembly + ".dll");
            if (!File.Exists(path))
            {
                throw new FileNotFoundException($"The code version has no file {start.Function.Assembly}.dll.");
            }

            var context = new UserCodeContext(start.CodePath, start.Function.Assembly);
            var assembly = context.LoadFromAssemblyPath(path);
            Assembly.SetEntryAssembly(assembly);
            step = $"Initializing {start.Function.Assembly}.dll";
            RuntimeHelpers.RunModuleConstructor(assembly.ManifestModule.ModuleHandle);

            step = $"Finding {start.Function.Name}";
            failure = null;
            if (!start.Function.IsService)
            {
                var function = FunctionRegistry.FindFunction(start.Function.Name) ?? throw NotFound(start.Function, FunctionRegistry.Functions.Select(f => f.Name));
                return new LoadedFunction([function], null, null);
            }

            var service = FunctionRegistry.FindService(start.Function.Name) ?? throw NotFound(start.Function, FunctionRegistry.Services.Select(s => s.Name));
            var methods = start.Function.Methods.Select(name => name.Length == 0 ? Gone(service) : service.Functions.FirstOrDefault(f => f.Name == name)
                ?? throw new MissingMethodException($"{service.Name} registers no method {name}. It registers: {List(service.Functions.Select(f => f.Name))}.")).ToArray();
            step = $"The constructor of {service.Name}";
            return new LoadedFunction(methods, service, service.Create(start.Function.ServiceArguments?.Inline.Memory ?? ReadOnlyMemory<byte>.Empty));
        }
#pragma warning disable CA1031 // The edge between user code and the worker: whatever it throws becomes the start's failure.
        catch (Exception e)
        {
            failure = FailureFactory.OfStart(step, e is TypeInitializationException { InnerException: { } inner } ? inner : e);
            return null;
        }
#pragma warning restore CA1031
    }

    // It was deployed without the method, whose inputs were sent before.
    private static FunctionDefinition Gone(ServiceDefinition service) => new()
    {
        Name = service.Name,
        Assembly = service.Assembly,
        Invoke = static _ => throw new MissingMethodException("The method is not part of the deployed version any more."),
    };

    /// <summary>Sets environment variables.</summary>
    public static void SetEnvironment(IEnumerable<KeyValuePair<string, string>> variables)
    {
        foreach (var (name, value) in variables)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }

    private static MissingMethodException NotFound(FunctionSpec function, IEnumerable<string> registered) =>
        new($"{function.Assembly}.dll registers no {(function.IsService ? "service" : "function")} {function.Name}. It registers: {List(registered)}. " +
            "The running code and the compiled code differ: rebuild.");

    private static string List(IEnumerable<string> names)
    {
        var text = string.Join(", ", names.Order(StringComparer.Ordinal));
        return text.Length > 0 ? text : "nothing";
    }
}
