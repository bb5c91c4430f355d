using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using CliWrap;
using CliWrap.Buffered;
using Xunit;

namespace Modal.Backend.Images.Tests.Registries;

/// <summary>Debian's docker-registry on loopback, with a password if wanted; installed when it is missing and this is root.</summary>
internal sealed class TestRegistry : IAsyncDisposable
{
    public const string User = "someone";
    public const string Password = "s3cret";

    // bcrypt of the password above: what htpasswd -B writes.
    private const string PasswordFile = User + ":$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";

    private readonly TemporaryFolder _folder = new();
    private readonly Process _process;
    private Task _drained = Task.CompletedTask;

    private TestRegistry(int port, bool withPassword)
    {
        Host = $"127.0.0.1:{port}";
        var configuration = Path.Combine(_folder.Path, "config.yml");
        File.WriteAllText(Path.Combine(_folder.Path, "htpasswd"), PasswordFile);
        var authentication = withPassword ? $"auth:\n  htpasswd:\n    realm: test\n    path: {_folder.Path}/htpasswd\n" : "";
        File.WriteAllText(configuration, $"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {_folder.Path}/data\nhttp:\n  addr: {Host}\n{authentication}");
        _process = Process.Start(new ProcessStartInfo("docker-registry", ["serve", configuration]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
    }

    public string Host { get; }

    public static async Task<TestRegistry> StartAsync(bool withPassword = false)
    {
        await InstallAsync("docker-registry", "skopeo");
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        var registry = new TestRegistry(port, withPassword);
        try
        {
            await registry.ListeningAsync();
            return registry;
        }
        catch
        {
            await registry.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes an image of layers, each a tar archive, and pushes it.</summary>
    /// <returns>Its reference.</returns>
    public async Task<string> PushAsync(string name, string config, params byte[][] layers)
    {
        var layout = Path.Combine(_folder.Path, $"oci-{Guid.NewGuid():N}");
        var blobs = Path.Combine(layout, "blobs", "sha256");
        Directory.CreateDirectory(blobs);
        var written = layers.Select(l => Write(blobs, l)).ToList();
        var configBlob = Write(blobs, Encoding.UTF8.GetBytes(
            $$$"""{"architecture":"amd64","os":"linux","config":{{{config}}},"rootfs":{"type":"layers","diff_ids":[{{{string.Join(',', written.Select(l => $"\"sha256:{l.Digest}\""))}}}]}}"""));
        var manifest = Write(blobs, Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{Descriptor("config.v1+json", configBlob)}},"layers":[{{string.Join(',', written.Select(l => Descriptor("layer.v1.tar", l)))}}]}"""));
        await File.WriteAllTextAsync(
            Path.Combine(layout, "index.json"),
            $$$"""{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{{{manifest.Digest}}}","size":{{{manifest.Size}}},"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}""");
        await File.WriteAllTextAsync(Path.Combine(layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        await Cli.Wrap("skopeo")
            .WithArguments(["--insecure-policy", "copy", "-q", "--dest-tls-verify=false", "--dest-creds", $"{User}:{Password}", $"oci:{layout}:v1", $"docker://{Host}/{name}"])
            .ExecuteBufferedAsync();
        return $"{Host}/{name}";
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
        await _drained;
        _process.Dispose();
        _folder.Dispose();
    }

    // It says so, in a line of its log, when its port is open.
    private async Task ListeningAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var seen = new StringBuilder();
        while (await _process.StandardError.ReadLineAsync(limit.Token) is { } line)
        {
            seen.AppendLine(line);
            if (line.Contains("listening on", StringComparison.Ordinal))
            {
                // Its pipes must not fill up.
                _drained = Task.WhenAll(
                    _process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None), _process.StandardError.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None));
                return;
            }
        }

        throw new InvalidOperationException($"docker-registry ended: {seen}");
    }

    private static string Descriptor(string kind, (string Digest, int Size) blob) => $$"""{"mediaType":"application/vnd.oci.image.{{kind}}","digest":"sha256:{{blob.Digest}}","size":{{blob.Size}}}""";

    private static (string Digest, int Size) Write(string blobs, byte[] bytes)
    {
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        File.WriteAllBytes(Path.Combine(blobs, digest), bytes);
        return (digest, bytes.Length);
    }

    private static async Task InstallAsync(params string[] packages)
    {
        var missing = packages.Where(static p => !File.Exists($"/usr/bin/{p}")).ToList();
        if (missing.Count == 0)
        {
            return;
        }

        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists("/usr/bin/apt-get"), $"{string.Join(" and ", missing)} must be installed for this test.");

        // RUNLEVEL: the package would start a registry of its own.
        await Cli.Wrap("apt-get").WithArguments(["install", "-y", "-qq", "--no-install-recommends", .. missing])
            .WithEnvironmentVariables(static e => e.Set("DEBIAN_FRONTEND", "noninteractive").Set("RUNLEVEL", "1")).ExecuteBufferedAsync();
    }
}
