using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using Modal.Backend.Images.Definitions;

namespace Modal.Backend.Images.Registries;

/// <summary>Pulls images with skopeo, which knows all kinds of registries and checks what it gets against its digests.</summary>
public static class Registry
{
    private const int MaxManifestBytes = 16 * 1024 * 1024;

    private static readonly string[] s_platform = ["--override-os", "linux", "--override-arch", "amd64"];

    /// <summary>The digest that a reference stands for now.</summary>
    /// <param name="reference">Such as <c>ubuntu:24.04</c>.</param>
    /// <param name="credentials">User and password; null for none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RegistryException">It cannot be found out.</exception>
    public static async Task<string> ResolveAsync(string reference, NetworkCredential? credentials, CancellationToken cancellationToken)
    {
        var at = reference.IndexOf('@', StringComparison.Ordinal);
        if (at >= 0)
        {
            return IsDigest(reference[(at + 1)..])
                ? reference[(at + 1)..]
                : throw new RegistryException($"{reference} has no digest after its '@': it must be 'sha256:' and 64 lower-case hexadecimal digits.");
        }

        var output = await RunAsync(
            reference, credentials, auth => ["inspect", .. s_platform, "--no-tags", "--format", "{{.Digest}}", .. Tls(reference, "--tls-verify"), .. auth, $"docker://{reference}"], cancellationToken);
        return output.Trim() is var digest && IsDigest(digest)
            ? digest
            : throw new RegistryException($"skopeo gave no digest for {reference}: '{output.Trim()}'.");
    }

    /// <summary>Pulls an image for linux/amd64.</summary>
    /// <param name="reference">Such as <c>ubuntu:24.04</c>.</param>
    /// <param name="digest">What <see cref="ResolveAsync"/> gave for it.</param>
    /// <param name="credentials">User and password; null for none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RegistryException">It cannot be pulled.</exception>
    public static async Task<PulledImage> PullAsync(string reference, string digest, NetworkCredential? credentials, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("modal-pull-").FullName;
        try
        {
            await RunAsync(
                reference,
                credentials,
                auth => ["copy", .. s_platform, "--quiet", .. Tls(reference, "--src-tls-verify"), .. auth.Select(static a => a.Replace("--authfile", "--src-authfile", StringComparison.Ordinal)), $"docker://{Repository(reference)}@{digest}", $"oci:{folder}/image:latest"],
                cancellationToken);
            return await ReadAsync(reference, folder, cancellationToken);
        }
        catch (Exception e)
        {
            Directory.Delete(folder, recursive: true);
            throw e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IOException ? new RegistryException($"{reference} is no image that can be read: {e.Message}") : e;
        }
    }

    private static bool IsDigest(string text) =>
        text.StartsWith("sha256:", StringComparison.Ordinal) && Store.Digests.Digest.TryParse(text["sha256:".Length..], out var digest) && digest.ToString() == text["sha256:".Length..];

    private static string Repository(string reference)
    {
        var name = reference.Split('@')[0];
        var colon = name.LastIndexOf(':');
        return colon > name.LastIndexOf('/') ? name[..colon] : name;
    }

    // Plain HTTP and certificates of its own only where nobody is in between.
    private static string[] Tls(string reference, string option)
    {
        var host = reference.Split('/')[0];
        var colon = host.LastIndexOf(':');
        host = colon >= 0 ? host[..colon] : host;
        return reference.Contains('/', StringComparison.Ordinal) && (host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address))) ? [$"{option}=false"] : [];
    }

    // Whose signatures are wanted is the machine's matter; where nothing says so, skopeo would refuse everything. Digests are checked in any case.
    private static string[] Policy() => new[] { "/etc/containers/policy.json", Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config/containers/policy.json") }.Any(File.Exists)
        ? [] : ["--insecure-policy"];

    private static async Task<string> RunAsync(string reference, NetworkCredential? credentials, Func<string[], IEnumerable<string>> arguments, CancellationToken cancellationToken)
    {
        // A file that only this user can read, and not the command line, which everybody can.
        var auth = credentials is null ? null : Path.Combine(Path.GetTempPath(), $"modal-auth-{Guid.NewGuid():N}");
        try
        {
            if (auth is not null)
            {
                await WriteAuthAsync(auth, reference, credentials!, cancellationToken);
            }

            var result = await Cli.Wrap("skopeo").WithArguments([.. Policy(), .. arguments(auth is null ? [] : ["--authfile", auth])]).WithValidation(CommandResultValidation.None).ExecuteBufferedAsync(cancellationToken);
            return result.IsSuccess ? result.StandardOutput : throw new RegistryException(SkopeoErrors.Explain(reference, result.StandardError));
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new RegistryException("Images of registries are pulled with skopeo, which is not installed on this worker: apt-get install skopeo.");
        }
        finally
        {
            if (auth is not null)
            {
                File.Delete(auth);
            }
        }
    }

    private static async Task WriteAuthAsync(string path, string reference, NetworkCredential credentials, CancellationToken cancellationToken)
    {
        var first = reference.Split('/')[0];
        var host = reference.Contains('/', StringComparison.Ordinal) && (first.Contains('.', StringComparison.Ordinal) || first.Contains(':', StringComparison.Ordinal) || first == "localhost") ? first : "docker.io";
        var json = new JsonObject
        {
            ["auths"] = new JsonObject { [host] = new JsonObject { ["auth"] = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credentials.UserName}:{credentials.Password}")) } },
        };
        await using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        await file.WriteAsync(Encoding.UTF8.GetBytes(json.ToJsonString()), cancellationToken);
    }

    private static async Task<PulledImage> ReadAsync(string reference, string folder, CancellationToken cancellationToken)
    {
        var image = Path.Combine(folder, "image");
        var index = await JsonAsync(Path.Combine(image, "index.json"), cancellationToken);
        var manifest = await JsonAsync(Blob(image, index["manifests"]!.AsArray()[0]!), cancellationToken);
        var settings = await JsonAsync(Blob(image, manifest["config"]!), cancellationToken);

        // Where a registry has an image for one platform only, skopeo pulls it whatever it is.
        var (system, processor) = (Text(settings["os"]) ?? "linux", Text(settings["architecture"]) ?? "amd64");
        if ((system, processor) is not ("linux", "amd64"))
        {
            throw new RegistryException($"{reference} cannot be used: it is made for {system}/{processor}, and workers run linux/amd64.");
        }

        var layers = manifest["layers"]!.AsArray().Select(l => Blob(image, l!)).ToList();
        return new PulledImage(folder, layers, ToConfig(settings["config"]));
    }

    private static ImageConfig ToConfig(JsonNode? config) => config is null ? ImageConfig.Empty : new ImageConfig
    {
        WorkingDirectory = Text(config["WorkingDir"]),
        User = Text(config["User"]),
        Entrypoint = Texts(config["Entrypoint"]),
        Command = Texts(config["Cmd"]),
    }.With(Texts(config["Env"]).Select(static v => v.Split('=', 2)).Where(static v => v.Length == 2).Select(static v => KeyValuePair.Create(v[0], v[1])));

    private static string? Text(JsonNode? node) => node?.GetValue<string>() is { Length: > 0 } text ? text : null;

    private static IReadOnlyList<string> Texts(JsonNode? node) => node is JsonArray array ? [.. array.Select(static t => t!.GetValue<string>())] : [];

    private static async Task<JsonNode> JsonAsync(string path, CancellationToken cancellationToken)
    {
        if (new FileInfo(path).Length > MaxManifestBytes)
        {
            throw new RegistryException("The image's manifest is larger than any can be.");
        }

        return JsonNode.Parse(await File.ReadAllBytesAsync(path, cancellationToken)) ?? throw new FormatException("it has an empty manifest");
    }

    private static string Blob(string image, JsonNode descriptor)
    {
        var digest = descriptor["digest"]!.GetValue<string>();
        return digest.StartsWith("sha256:", StringComparison.Ordinal) && Store.Digests.Digest.TryParse(digest["sha256:".Length..], out var parsed)
            ? Path.Combine(image, "blobs", "sha256", parsed.ToString())
            : throw new FormatException($"'{digest}' is no digest");
    }
}
