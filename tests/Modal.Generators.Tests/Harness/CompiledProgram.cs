using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Modal.Runtime;

namespace Modal.Generators.Tests.Harness;

/// <summary>A source text, compiled with the generator and loaded, so that the compiler's images can be compared with the program's.</summary>
internal static class CompiledProgram
{
    /// <summary>Loads it, which registers its functions.</summary>
    public static Assembly Load(params string[] sources)
    {
        var assembly = new AssemblyLoadContext(null, isCollectible: true).LoadFromStream(new MemoryStream(GeneratorRun.Emit(sources)));
        RuntimeHelpers.RunModuleConstructor(assembly.ManifestModule.ModuleHandle);
        return assembly;
    }

    /// <summary>What the compiler made of the image of <c>Folded.Jobs.F</c>, whose member is <c>Own</c>; null if it made nothing. And what it is now.</summary>
    public static (IReadOnlyList<string>? Compiled, IReadOnlyList<string> Evaluated) Images(params string[] sources)
    {
        Load(sources);
        var definition = FunctionRegistry.FindFunction("Folded.Jobs.F")!;
        return (definition.CompiledImage?.Layers, Layers((Image)definition.Image!()!));
    }

    /// <summary>The layers of an image as canonical JSON: internal to the Sdk.</summary>
    public static IReadOnlyList<string> Layers(Image image)
    {
        var layers = (IEnumerable<object>)typeof(Image).GetProperty("Layers", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(image)!;
        return [.. layers.Select(l => (string)l.GetType().GetMethod("ToJson")!.Invoke(l, [])!)];
    }
}
