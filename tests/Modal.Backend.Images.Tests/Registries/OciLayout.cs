using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Modal.Backend.Images.Tests.Registries;

/// <summary>A folder with an image, made by hand.</summary>
internal sealed class OciLayout : IDisposable
{
    private const string Manifest = "application/vnd.oci.image.manifest.v1+json";

    private readonly TemporaryFolder _folder = new();

    private OciLayout()
    {
        Directory.CreateDirectory(System.IO.Path.Combine(Path, "blobs", "sha256"));
        File.WriteAllText(System.IO.Path.Combine(Path, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
    }

    public string Path => _folder.Path;

    /// <summary>What the registry calls the image.</summary>
    public string Digest { get; private set; } = "";

    /// <summary>An image for one processor.</summary>
    public static OciLayout Of(string architecture, string settings, params TarEntry[][] layers)
    {
        var layout = new OciLayout();
        layout.Name(layout.Add(architecture, settings, layers));
        return layout;
    }

    /// <summary>An index of images for several processors, each with a file of that name.</summary>
    public static OciLayout OfMany(params string[] architectures)
    {
        var layout = new OciLayout();
        var manifests = new JsonArray();
        foreach (var architecture in architectures)
        {
            var image = layout.Add(architecture, "{}", [[new PaxTarEntry(TarEntryType.RegularFile, architecture)]]);
            image["platform"] = new JsonObject { ["architecture"] = architecture, ["os"] = "linux" };
            manifests.Add(image);
        }

        const string index = "application/vnd.oci.image.index.v1+json";
        layout.Name(layout.Blob(index, Encoding.UTF8.GetBytes(new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = index, ["manifests"] = manifests }.ToJsonString())));
        return layout;
    }

    public void Dispose() => _folder.Dispose();

    private JsonObject Add(string architecture, string settings, TarEntry[][] layers)
    {
        var (descriptors, digests) = (new JsonArray(), new JsonArray());
        foreach (var entries in layers)
        {
            var tar = Tar(entries);
            digests.Add($"sha256:{Convert.ToHexStringLower(SHA256.HashData(tar))}");
            descriptors.Add(Blob("application/vnd.oci.image.layer.v1.tar+gzip", Gzip(tar)));
        }

        var config = new JsonObject
        {
            ["architecture"] = architecture,
            ["os"] = "linux",
            ["config"] = JsonNode.Parse(settings),
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = digests },
        };
        return Blob(Manifest, Encoding.UTF8.GetBytes(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = Manifest,
            ["config"] = Blob("application/vnd.oci.image.config.v1+json", Encoding.UTF8.GetBytes(config.ToJsonString())),
            ["layers"] = descriptors,
        }.ToJsonString()));
    }

    private void Name(JsonObject image)
    {
        Digest = image["digest"]!.GetValue<string>();
        image["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = "v1" };
        File.WriteAllText(System.IO.Path.Combine(Path, "index.json"), new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(image) }.ToJsonString());
    }

    private JsonObject Blob(string type, byte[] bytes)
    {
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        File.WriteAllBytes(System.IO.Path.Combine(Path, "blobs", "sha256", digest), bytes);
        return new JsonObject { ["mediaType"] = type, ["digest"] = $"sha256:{digest}", ["size"] = bytes.Length };
    }

    private static byte[] Tar(TarEntry[] entries)
    {
        using var archive = new MemoryStream();
        using (var tar = new TarWriter(archive, leaveOpen: true))
        {
            foreach (var entry in entries)
            {
                tar.WriteEntry(entry);
            }
        }

        // A layer without entries is two blocks of zeros; the writer makes nothing.
        return archive.Length == 0 ? new byte[1024] : archive.ToArray();
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return compressed.ToArray();
    }
}
