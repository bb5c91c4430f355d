using System.Reflection;
using System.Runtime.Loader;

namespace Modal.Backend.Runner.Loading;

/// <summary>
/// One code version. Everything in its folder loads here and nowhere else, so the user may bring any version of any library; only the contract with the runner is shared.
/// Not collectible: collectible code pays on every static access, and this process serves one version.
/// </summary>
internal sealed class UserCodeContext : AssemblyLoadContext
{
    // The registry that generated code fills must be the one the runner reads.
    private const string Contract = "Modal.Protocol";

    // What the contract's wire types are made of: shared so that both sides agree, unless the user's own code needs a newer one.
    private static readonly string[] s_sharedUnlessNewer = ["Google.Protobuf", "Grpc.Core.Api"];

    private readonly string _folder;
    private readonly AssemblyDependencyResolver[] _resolvers;

    public UserCodeContext(string folder, string assembly)
        : base("code", isCollectible: false)
    {
        _folder = folder;

        // A library's own dependency file knows less than that of the program beside it, which has the native libraries of every package.
        _resolvers = Directory.EnumerateFiles(folder, "*.runtimeconfig.json")
            .Select(config => config[..^".runtimeconfig.json".Length] + ".dll")
            .Append(Path.Combine(folder, assembly + ".dll"))
            .Where(File.Exists)
            .Distinct(StringComparer.Ordinal)
            .Select(path => new AssemblyDependencyResolver(path))
            .ToArray();
    }

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name is not { } name || string.Equals(name, Contract, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var path = Find(assemblyName);
        if (path is null || (s_sharedUnlessNewer.Contains(name, StringComparer.OrdinalIgnoreCase) && !IsNewerThanOurs(path, assemblyName)))
        {
            return null;
        }

        return LoadFromAssemblyPath(path);
    }

    /// <inheritdoc/>
    protected override nint LoadUnmanagedDll(string unmanagedDllName)
    {
        foreach (var resolver in _resolvers)
        {
            if (resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path)
            {
                return LoadUnmanagedDllFromPath(path);
            }
        }

        return 0;
    }

    private string? Find(AssemblyName name)
    {
        foreach (var resolver in _resolvers)
        {
            if (resolver.ResolveAssemblyToPath(name) is { } path)
            {
                return path;
            }
        }

        var beside = Path.Combine(_folder, name.Name + ".dll");
        return string.IsNullOrEmpty(name.CultureName) && File.Exists(beside) ? beside : null;
    }

    private static bool IsNewerThanOurs(string path, AssemblyName name)
    {
        var ours = Default.LoadFromAssemblyName(new AssemblyName(name.Name!)).GetName().Version;
        return AssemblyName.GetAssemblyName(path).Version > ours;
    }
}
