using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using CliWrap;
using CliWrap.Buffered;

namespace Modal.Scenarios.Harness;

/// <summary>Debian's docker-registry on loopback, installed when it is missing and this is root.</summary>
internal sealed class LocalRegistry : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly Process _process;
    private readonly int _port;

    private LocalRegistry(DirectoryInfo folder, Process process, int port) => (_folder, _process, _port) = (folder, process, port);

    public static async Task<LocalRegistry> StartAsync()
    {
        await AptPackages.RequireAsync("docker-registry", "skopeo");
        var folder = Directory.CreateTempSubdirectory("modal-registry-");
        var port = FreePort.Find();
        var configuration = Path.Combine(folder.FullName, "config.yml");
        await File.WriteAllTextAsync(configuration, $"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder.FullName}/data\nhttp:\n  addr: 127.0.0.1:{port}\n");
        var process = Process.Start(new ProcessStartInfo("docker-registry", ["serve", configuration]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var registry = new LocalRegistry(folder, process, port);
        await Until.SeenAsync("the registry to open its port", TimeSpan.FromSeconds(30), () => Task.FromResult(CanConnect(port)), static open => open);
        return registry;
    }

    /// <summary>Pushes the newest standard base as an image of one layer.</summary>
    /// <returns>Its reference.</returns>
    public async Task<string> PushAsync(string bases, string name)
    {
        var root = new DirectoryInfo(bases).EnumerateDirectories().Where(d => Directory.Exists(Path.Combine(d.FullName, "rootfs"))).MaxBy(d => d.LastWriteTimeUtc)!;
        var layout = Path.Combine(_folder.FullName, "oci");
        var blobs = Path.Combine(layout, "blobs", "sha256");
        Directory.CreateDirectory(blobs);
        var tar = Path.Combine(_folder.FullName, "layer.tar");
        await Cli.Wrap("tar").WithArguments(["-cf", tar, "--one-file-system", "-C", Path.Combine(root.FullName, "rootfs"), "."]).ExecuteAsync();
        string layer;
        await using (var bytes = File.OpenRead(tar))
        {
            layer = Convert.ToHexStringLower(await SHA256.HashDataAsync(bytes));
        }

        var size = new FileInfo(tar).Length;
        File.Move(tar, Path.Combine(blobs, layer));
        var config = Write(blobs, $$$"""{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]},"rootfs":{"type":"layers","diff_ids":["sha256:{{{layer}}}"]}}""");
        var manifest = Write(blobs, $$$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{{{config.Digest}}}","size":{{{config.Size}}}},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{{{layer}}}","size":{{{size}}}}]}""");
        await File.WriteAllTextAsync(Path.Combine(layout, "index.json"), $$$"""{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{{{manifest.Digest}}}","size":{{{manifest.Size}}},"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}""");
        await File.WriteAllTextAsync(Path.Combine(layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        await Cli.Wrap("skopeo").WithArguments(["--insecure-policy", "copy", "-q", "--dest-tls-verify=false", $"oci:{layout}:v1", $"docker://127.0.0.1:{_port}/{name}"]).ExecuteBufferedAsync();
        return $"127.0.0.1:{_port}/{name}";
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static (string Digest, int Size) Write(string blobs, string json)
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        File.WriteAllBytes(Path.Combine(blobs, digest), bytes);
        return (digest, bytes.Length);
    }

    private static bool CanConnect(int port)
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
