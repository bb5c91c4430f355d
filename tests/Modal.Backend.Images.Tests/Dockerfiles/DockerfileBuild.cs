using Modal.Backend.Images.Building;
using Modal.Backend.Images.Tests.Building;
using Modal.Backend.Store.Trees;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Images.Tests.Dockerfiles;

/// <summary>Builds Dockerfiles over a fake sandbox, in which commands do nothing but be recorded.</summary>
internal sealed class DockerfileBuild : IDisposable
{
    public TestBuilder Builder { get; } = new();

    /// <summary>Of the command that ran last.</summary>
    public StepRequest Step => Builder.Sandbox.Steps.Last();

    public void Dispose() => Builder.Dispose();

    public Task<(TreeNode Root, BuildRecord Record)> BuiltAsync(string text, params (string Path, string Content)[] files) => Builder.BuiltAsync(TestBuilder.Spec(Layer(text, files)));

    /// <summary>The variables of an image.</summary>
    public async Task<IReadOnlyDictionary<string, string>> VariablesAsync(string text) => (await BuiltAsync(text)).Record.Config.Environment;

    /// <summary>The message that a build fails with.</summary>
    public async Task<string> FailedAsync(string text, params (string Path, string Content)[] files)
    {
        var last = (await Builder.BuildAsync(TestBuilder.Spec(Layer(text, files))))[^1];
        Assert.True(last.Failed is not null, "It was built.");
        return last.Failed.Message;
    }

    public string Text(TreeNode root, string path) => Builder.Read(root.Find(path) ?? throw new InvalidOperationException($"There is no {path}: {string.Join(", ", Paths(root))}"));

    /// <summary>All files and links.</summary>
    public static List<string> Paths(TreeNode root) =>
        [.. root.Children.SelectMany(static c => c.Value.IsDirectory ? Paths(c.Value).Select(p => $"{c.Key}/{p}") : [$"{c.Key}"]).Order(StringComparer.Ordinal)];

    public ImageLayer Layer(string text, params (string Path, string Content)[] files) => new()
    {
        Operation = "from-dockerfile",
        Arguments = { "Dockerfile.modal" },
        Files = { files.Select(f => Builder.File_(f.Path, f.Content)).Append(Builder.File_("Dockerfile.modal", text)) },
    };

    public ImageLayer LayerWith(string text, IEnumerable<(string Name, string Value)> arguments, string? target = null)
    {
        var layer = Layer(text);
        layer.Options.AddRange(arguments.Select(static a => new ImageOption { Name = "build-arg", Value = $"{a.Name}={a.Value}" }));
        if (target is not null)
        {
            layer.Options.Add(new ImageOption { Name = "target", Value = target });
        }

        return layer;
    }
}
