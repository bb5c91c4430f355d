using Modal.Backend.ImageFs.Tests.Testing;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Corpus;

/// <summary>A tree of everything that Linux file systems hold, made by shell commands, reads back through a mount byte for byte like the original. Needs root and /dev/fuse.</summary>
public sealed class CorpusTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modal-corpus-").FullName;

    private const string Sums = "find . -type f -print0 | sort -z | xargs -0 sha256sum";

    // Names of 255 bytes, names that are not UTF-8, odd modes and owners, times before 1970 and with nanoseconds, hard links in several folders, links that lead nowhere or are long.
    private const string Make = """
        set -e
        mkdir -p src && cd src
        mkdir -p a/b/c 'with space' empty deep uni
        printf hello > a/file; : > a/empty; head -c 131072 /dev/urandom > a/shared-limit; head -c 131073 /dev/urandom > a/over-limit
        head -c 524288 /dev/urandom > a/one-chunk; head -c 524289 /dev/urandom > a/two-chunks; head -c 3000001 /dev/urandom > a/large; cp a/large a/b/same-large
        n=$(printf 'n%.0s' $(seq 255)); printf long > "$n"; mkdir "deep/$(printf 'd%.0s' $(seq 255))"
        p=deep; for i in $(seq 60); do p=$p/level-$i; done; mkdir -p $p; printf bottom > $p/file
        printf u > 'uni/ÄÖÜ 漢字 🙂'; printf n > "$(printf 'uni/\303\050\377\376')"; printf q > "$(printf 'uni/new\nline')"; printf b > 'uni/back\slash'; printf d > uni/-dash; printf s > "uni/'quote\""
        ln -s file a/link; ln -s /no/where a/dangling; ln -s ../../../../etc/passwd a/up; ln -s "$(printf 'x%.0s' $(seq 4000))" a/long-link; ln -s . a/self; ln -s "$(printf '\377\376')" a/raw-link
        ln a/file a/b/hard1; ln a/file 'with space/hard2'; ln a/large a/b/c/hard-large; ln a/link a/b/hard-link
        for m in 0000 0001 0111 0444 0600 1644 2755 4755 6711 7777; do printf $m > mode-$m; chmod $m mode-$m; mkdir dir-$m; chmod $m dir-$m; done
        printf o > owned; chown 12345:54321 owned; chown -h 65534:4294967294 a/dangling; mkfifo pipe; chmod 640 pipe
        touch -d '1969-12-31 23:59:58.987654321 UTC' a/before; touch -d '2038-01-20 00:00:00.000000001 UTC' a/after; touch -h -d '2001-02-03 04:05:06.7 UTC' a/link; touch -d '1999-01-01 UTC' empty
        truncate -s 6000000 sparse; printf middle | dd of=sparse bs=1 seek=3000000 conv=notrunc status=none
        """;

    [Fact]
    public async Task Mount_TreeOfEverything_EqualsTheOriginal()
    {
        TestMount.RequireFuse();
        await Shell.RunAsync($"cd {_folder} && {Make}");
        var (index, content, _) = await TestImage.FromFolderAsync(Path.Combine(_folder, "src"));
        await using var mount = await TestMount.StartAsync(index, content);

        var original = await Shell.RunAsync(Describe(Path.Combine(_folder, "src")));
        var mounted = await Shell.RunAsync(Describe(mount.Path));

        Assert.Equal(original, mounted);
        Assert.True(original.Length > 5000, original);
    }

    [Fact]
    public async Task Mount_TreeOfEverything_LeavesRsyncNothingToCopy()
    {
        TestMount.RequireFuse();
        await AptPackages.RequireAsync("rsync");
        await Shell.RunAsync($"cd {_folder} && {Make}");
        var (index, content, _) = await TestImage.FromFolderAsync(Path.Combine(_folder, "src"));
        await using var mount = await TestMount.StartAsync(index, content);

        var differences = await Shell.RunAsync($"rsync -aHAnc --delete --itemize-changes {_folder}/src/ {mount.Path}/ 2>&1");

        Assert.Equal("", differences);
    }

    [Fact]
    public async Task Mount_TreeWithAttributes_GivesThemAndRefusesToChangeThem()
    {
        TestMount.RequireFuse();
        if (!Shell.Has("python3"))
        {
            Assert.Skip("There is no python3, by which the test sets extended attributes.");
        }

        const string Show = """
            import os,sys
            for d,ds,fs in sorted(os.walk(sys.argv[1])):
                for n in ['.']+sorted(fs):
                    p=os.path.join(d,n)
                    print(os.path.relpath(p,sys.argv[1]), [(a,os.getxattr(p,a)) for a in sorted(os.listxattr(p))])
            try: os.getxattr(os.path.join(sys.argv[1],'plain'),'user.none')
            except OSError as e: print(e.errno)
            """;
        var source = Path.Combine(_folder, "src");
        await Shell.RunAsync($"""
            mkdir {source} && cd {source} && touch plain one && python3 -c "
            import os
            os.setxattr('one','user.a',b'1'); os.setxattr('one','user.empty',b''); os.setxattr('one','user.long',bytes(range(256))*8); os.setxattr('one','trusted.t',b'x'); os.setxattr('.','user.root',b'r')
            os.setxattr('one','security.capability',bytes.fromhex('0100000200040000000000000000000000000000'))"
            """);
        var script = Path.Combine(_folder, "show.py");
        await File.WriteAllTextAsync(script, Show, TestContext.Current.CancellationToken);
        var (index, content, _) = await TestImage.FromFolderAsync(source);
        await using var mount = await TestMount.StartAsync(index, content);

        var original = await Shell.RunAsync($"python3 {script} {source}");
        var mounted = await Shell.RunAsync($"python3 {script} {mount.Path}");

        Assert.Equal(original, mounted);
        Assert.Contains("security.capability", original, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mount_SparseFileOfFiveGigabytes_HasItsBytesWhereTheyAre()
    {
        TestMount.RequireFuse();
        await Shell.RunAsync($"mkdir {_folder}/src && cd {_folder}/src && truncate -s 5G big && printf end | dd of=big bs=1 seek=5368709117 conv=notrunc status=none && printf four | dd of=big bs=1 seek=4294967294 conv=notrunc status=none");
        var (index, content, _) = await TestImage.FromFolderAsync(Path.Combine(_folder, "src"));
        await using var mount = await TestMount.StartAsync(index, content);

        var said = await Shell.RunAsync($"cd {mount.Path}; stat -c %s big; tail -c 3 big; tail -c +4294967295 big | head -c 4; head -c 4096 big | tr -d '\\0' | wc -c; python3 -c \"f=open('big','rb'); f.seek(4294967290); print(f.read(10))\"");

        Assert.Equal("5368709120\nendfour0\nb'\\x00\\x00\\x00\\x00four\\x00\\x00'\n", said);
    }

    [Fact]
    public async Task Mount_ThroughGVisor_EqualsTheOriginal()
    {
        TestMount.RequireFuse();
        if (!Shell.Has("runsc"))
        {
            Assert.Skip("There is no runsc.");
        }

        await Shell.RunAsync($"cd {_folder} && {Make}");
        var (index, content, _) = await TestImage.FromFolderAsync(Path.Combine(_folder, "src"));
        await using var mount = await TestMount.StartAsync(index, content);

        // The sandbox sees this machine's programs, and the tree at /mnt: once the original, since gVisor shows some things in its own way on every file system.
        var original = await RunscAsync(Path.Combine(_folder, "src"), Describe("/mnt"));
        var sandboxed = await RunscAsync(mount.Path, Describe("/mnt"));
        var sums = await Shell.RunAsync($"cd {_folder}/src; {Sums}");

        Assert.Equal(original, sandboxed);
        Assert.Contains(sums, sandboxed, StringComparison.Ordinal);
        Assert.True(original.Length > 5000, original);
    }

    public void Dispose()
    {
        using var remove = System.Diagnostics.Process.Start("/bin/rm", ["-rf", _folder]);
        remove.WaitForExit();
    }

    // Everything that tar keeps, and inode sharing, which it shows as links; then each file's bytes and each link's target once more by name.
    private static string Describe(string path) =>
        $"cd {path} && tar --sort=name --format=pax --pax-option=delete=atime,delete=ctime -c . | sha256sum; find . ! -type d -printf '%p|%y|%m|%s|%U|%G|%n|%T@|%l\\n' | sort; "
        + "find . -type d -printf '%p|%m|%U|%G|%n|%T@\\n' | sort; " + Sums + "; find . -samefile a/file | sort; find . -samefile a/large | sort";

    private async Task<string> RunscAsync(string image, string command)
    {
        var bundle = Path.Combine(_folder, "bundle");
        Directory.CreateDirectory(bundle);
        string[] rights = ["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"];
        var config = new
        {
            ociVersion = "1.0.2",
            root = new { path = "/", @readonly = true },
            mounts = new object[]
            {
                new { destination = "/proc", type = "proc", source = "proc" }, new { destination = "/tmp", type = "tmpfs", source = "tmpfs" },
                new { destination = "/mnt", type = "bind", source = image, options = new[] { "ro", "rbind" } },
            },
            process = new
            {
                user = new { uid = 0, gid = 0 },
                args = new[] { "/bin/sh", "-c", command },
                env = new[] { "PATH=/usr/bin:/bin", "LC_ALL=C" },
                cwd = "/",
                capabilities = new { bounding = rights, effective = rights, permitted = rights },
            },
            linux = new { namespaces = new[] { new { type = "pid" }, new { type = "mount" }, new { type = "ipc" }, new { type = "uts" } } },
        };
        await File.WriteAllTextAsync(Path.Combine(bundle, "config.json"), System.Text.Json.JsonSerializer.Serialize(config), TestContext.Current.CancellationToken);
        return await Shell.RunAsync($"runsc --root {_folder}/runsc --network=none --platform=systrap --ignore-cgroups --overlay2=root:memory run --bundle {bundle} corpus-{Guid.NewGuid():N}");
    }
}
