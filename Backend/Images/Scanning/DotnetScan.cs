using System.Text;
using System.Text.RegularExpressions;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Images.Scanning;

/// <summary>
/// Looks whether .NET, which is mounted into containers and is no part of their image, finds what it needs there. ICU is not looked for: the runner uses invariant culture data.
/// /tmp is not either: every image gets it when it is built.
/// </summary>
internal static partial class DotnetScan
{
    private const string Loader = "lib64/ld-linux-x86-64.so.2";

    // What .NET 10 for linux-x64 was linked against: a glibc that has this version of its symbols.
    private const string NeededVersion = "GLIBC_2.27";
    private const int MaxLibraryBytes = 16 * 1024 * 1024;
    private const int MaxCacheBytes = 4 * 1024 * 1024;

    // Where the loader looks without being told (ld.so(8)), with the folders of Debian's kind.
    private static readonly string[] s_folders = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "usr/lib64", "lib", "usr/lib"];

    private static readonly string[] s_certificates = ["etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/ca-bundle.pem", "etc/ssl/cert.pem"];

    /// <summary>Scans an image.</summary>
    /// <returns>What is missing; empty if nothing is.</returns>
    /// <exception cref="IOException">The image cannot be read.</exception>
    public static async Task<IReadOnlyList<ScanFinding>> RunAsync(IObjectTier tier, ImageIndex index, ImageConfig config, CancellationToken cancellationToken)
    {
        var files = new ImageFiles(tier, index);
        if (await LoaderFindingAsync(files, cancellationToken) is { } finding)
        {
            // Without it nothing else matters.
            return [finding];
        }

        var libraries = await Libraries.ReadAsync(files, config, cancellationToken);
        List<ScanFinding?> findings =
        [
            await GlibcFindingAsync(files, libraries, cancellationToken),
            libraries.Has("libstdc++.so.6") ? null : new ScanFinding(true, "The image has no libstdc++.so.6, which .NET needs.", Install(files, "libstdc++6", "libstdc++")),
            libraries.Has("libgcc_s.so.1") ? null : new ScanFinding(true, "The image has no libgcc_s.so.1, which .NET needs.", Install(files, "libgcc-s1", "libgcc")),
            libraries.Has("libssl.so.3", "libssl.so.1.1", "libssl.so.1.0.2", "libssl.so.10") ? null
                : new ScanFinding(false, "The image has no OpenSSL (libssl): HTTPS and cryptography fail in it.", Install(files, "libssl3", "openssl-libs")),
            s_certificates.Any(files.Has) || config.Environment.ContainsKey("SSL_CERT_FILE") || config.Environment.ContainsKey("SSL_CERT_DIR") ? null
                : new ScanFinding(false, "The image has no certificates of authorities: no HTTPS server is trusted in it.", Install(files, "ca-certificates", "ca-certificates")),
            files.Has("usr/share/zoneinfo") ? null : new ScanFinding(false, "The image has no time zones but UTC.", Install(files, "tzdata", "tzdata")),
        ];
        return [.. findings.OfType<ScanFinding>()];
    }

    private static async Task<ScanFinding?> LoaderFindingAsync(ImageFiles files, CancellationToken cancellationToken)
    {
        const string advice = "Begin it with DebianSlim() or an image with glibc, such as Debian's or Ubuntu's.";
        var node = files.Find(Loader);
        if (node >= 0)
        {
            // ELF, 64 bits, little-endian, for x86-64 (elf(5)).
            var head = await files.ReadAsync(node, 20, cancellationToken);
            return head.Span is [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, _, _, _, _, _, _, _, _, _, _, _, _, 62, 0, ..]
                ? null
                : new ScanFinding(true, $"The image's /{Loader} is no program loader for x86-64.", advice);
        }

        return files.Has("lib/ld-musl-x86_64.so.1")
            ? new ScanFinding(true, "The image has musl, as Alpine's has, and the .NET of this server needs glibc.", "Take the variant of the image that is made from Debian: most with a tag '-alpine' have one with '-slim' or '-bookworm'.")
            : files.Has("lib/ld-linux-aarch64.so.1") || files.Has("lib/ld-musl-aarch64.so.1")
                ? new ScanFinding(true, "The image is for arm64, and this server runs images for amd64.", "Build or push it for linux/amd64.")
                : new ScanFinding(true, $"The image has no glibc (no /{Loader}), so that no C# function can run in it.", advice);
    }

    private static async Task<ScanFinding?> GlibcFindingAsync(ImageFiles files, Libraries libraries, CancellationToken cancellationToken)
    {
        if (libraries.Find("libc.so.6") is not (var node and >= 0))
        {
            return new ScanFinding(true, "The image has a loader and no libc.so.6: it is no whole glibc, or one that stands in for it, such as gcompat.", "Begin it with DebianSlim() or an image with glibc, such as Debian's or Ubuntu's.");
        }

        // Symbol versions are names in the file, each with a zero after it.
        var content = await files.ReadAsync(node, MaxLibraryBytes, cancellationToken);
        if (content.Span.IndexOf(Encoding.ASCII.GetBytes(NeededVersion + "\0")) >= 0)
        {
            return null;
        }

        var version = VersionPattern().Match(Encoding.Latin1.GetString(content.Span));
        return new ScanFinding(
            true, $"The image's glibc{(version.Success ? " " + version.Groups["version"].Value : "")} is too old: .NET needs {NeededVersion["GLIBC_".Length..]} or later.",
            "Begin it with a newer image: Debian from 10, Ubuntu from 18.04, or Red Hat from 8 on.");
    }

    private static string Install(ImageFiles files, string debian, string other) =>
        files.Has("usr/bin/apt-get") ? $"Add .AptInstall(\"{debian}\")."
        : files.Has("usr/bin/dnf") || files.Has("usr/bin/microdnf") || files.Has("usr/bin/yum") ? $"Add .RunCommands(\"{(files.Has("usr/bin/dnf") ? "dnf" : files.Has("usr/bin/yum") ? "yum" : "microdnf")} install -y {other}\")."
        : $"Take an image that has it, or one where it can be installed ({debian} in Debian).";

    [GeneratedRegex(@"GNU C Library [^\n]{0,100}version (?<version>\d+\.\d+)", RegexOptions.CultureInvariant)]
    private static partial Regex VersionPattern();

    // Libraries by name: in the loader's folders, in those of LD_LIBRARY_PATH, or in its cache, which names those of /etc/ld.so.conf.
    private sealed class Libraries(ImageFiles files, IReadOnlyList<string> folders, ReadOnlyMemory<byte> cache)
    {
        public static async Task<Libraries> ReadAsync(ImageFiles files, ImageConfig config, CancellationToken cancellationToken)
        {
            var own = config.Environment.GetValueOrDefault("LD_LIBRARY_PATH", "").Split(':', StringSplitOptions.RemoveEmptyEntries);
            var cache = files.Find("etc/ld.so.cache") is var node and >= 0 ? await files.ReadAsync(node, MaxCacheBytes, cancellationToken) : ReadOnlyMemory<byte>.Empty;
            return new Libraries(files, [.. own, .. s_folders], cache);
        }

        public bool Has(params ReadOnlySpan<string> names)
        {
            foreach (var name in names)
            {
                if (Find(name) >= 0)
                {
                    return true;
                }
            }

            return false;
        }

        public int Find(string name)
        {
            foreach (var folder in folders)
            {
                if (files.Has($"{folder}/{name}"))
                {
                    return files.Find($"{folder}/{name}");
                }
            }

            return FromCache(name);
        }

        // The cache holds whole paths, each with a zero after it.
        private int FromCache(string name)
        {
            var wanted = Encoding.UTF8.GetBytes($"/{name}\0");
            for (var from = 0; cache.Span[from..].IndexOf(wanted) is var at and >= 0; from += at + wanted.Length)
            {
                var end = from + at + wanted.Length - 1;
                var begin = cache.Span[..end].LastIndexOf((byte)0) + 1;
                if (files.Find(Encoding.UTF8.GetString(cache.Span[begin..end])) is var node and >= 0)
                {
                    return node;
                }
            }

            return -1;
        }
    }
}
