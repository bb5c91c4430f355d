using System.Diagnostics;
using CliWrap;
using CliWrap.Buffered;

namespace Modal.Backend.Images.Tests.Registries;

/// <summary>Debian's docker-registry on loopback, installed when it is missing and this is root.</summary>
internal sealed class LocalRegistry : IAsyncDisposable
{
    public const string User = "user";
    public const string Password = "let me in";

    // bcrypt of the password, the only form the registry takes.
    private const string PasswordLine = "user:$2b$05$abcdefghijklmnopqrstuu4h2R.N3/mVBA7Xh7aLzKSJDAsK61n52\n";

    private readonly TemporaryFolder _folder;
    private readonly Process _process;

    private LocalRegistry(TemporaryFolder folder, Process process, int port) => (_folder, _process, Address) = (folder, process, $"127.0.0.1:{port}");

    /// <summary>Host and port.</summary>
    public string Address { get; }

    public static async Task<LocalRegistry> StartAsync(bool withPassword = false)
    {
        await AptPackages.RequireAsync("docker-registry", "skopeo");
        var folder = new TemporaryFolder();
        var port = FreePort.Find();
        var configuration = Path.Combine(folder.Path, "config.yml");
        var passwords = Path.Combine(folder.Path, "htpasswd");
        await File.WriteAllTextAsync(passwords, PasswordLine);
        await File.WriteAllTextAsync(
            configuration,
            $"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder.Path}/data\nhttp:\n  addr: 127.0.0.1:{port}\n" + (withPassword ? $"auth:\n  htpasswd:\n    realm: test\n    path: {passwords}\n" : ""));
        var process = new Process { StartInfo = new ProcessStartInfo("docker-registry", ["serve", configuration]) { RedirectStandardError = true, RedirectStandardOutput = true } };
        var listening = new TaskCompletionSource();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                listening.TrySetException(new InvalidOperationException("The registry ended before it listened."));
            }
            else if (line.Data.Contains("listening on", StringComparison.Ordinal))
            {
                listening.TrySetResult();
            }
        };
        process.Start();
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var registry = new LocalRegistry(folder, process, port);
        try
        {
            await listening.Task.WaitAsync(TimeSpan.FromSeconds(30));
            return registry;
        }
        catch
        {
            await registry.DisposeAsync();
            throw;
        }
    }

    /// <summary>Pushes an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="name">Such as <c>a:v1</c>.</param>
    /// <returns>Its reference.</returns>
    public async Task<string> PushAsync(OciLayout image, string name)
    {
        await Cli.Wrap("skopeo").WithArguments(["--insecure-policy", "copy", "-q", "--all", "--dest-tls-verify=false", "--dest-creds", $"{User}:{Password}", $"oci:{image.Path}:v1", $"docker://{Address}/{name}"]).ExecuteBufferedAsync();
        return $"{Address}/{name}";
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Dispose();
    }
}
