using System.Diagnostics;
using System.Net.Sockets;
using Amazon.Runtime;
using Amazon.S3;
using CliWrap;
using CliWrap.Buffered;
using Modal.Backend.Store.Objects;
using Xunit;

namespace Modal.Backend.Store.Tests.Objects;

/// <summary>A real S3 on loopback: Ceph's gateway over one monitor and one disk in memory, from Debian's packages, installed when they are missing and this is root.</summary>
public sealed class CephS3 : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modal-ceph-").FullName;
    private readonly List<Process> _processes = [];
    private readonly int _port = FreePort.Find();
    private string? _missing;

    public async ValueTask InitializeAsync()
    {
        _missing = await InstallAsync();
        if (_missing is null)
        {
            await StartAsync();
        }
    }

    public async Task<IObjectTier> OpenAsync()
    {
        Assert.SkipWhen(_missing is not null, _missing ?? "");
        var endpoint = $"http://127.0.0.1:{_port}";
        using var client = new AmazonS3Client(new BasicAWSCredentials("TESTKEY", "TESTSECRET"), new AmazonS3Config { ServiceURL = endpoint, ForcePathStyle = true, AuthenticationRegion = "us-east-1" });
        await client.PutBucketAsync("modal");
        return new S3Tier(new S3TierOptions { Bucket = "modal", Prefix = "a/b", Endpoint = endpoint, AccessKey = "TESTKEY", SecretKey = "TESTSECRET" });
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<string?> InstallAsync()
    {
        if (File.Exists("/usr/bin/radosgw") && File.Exists("/usr/bin/ceph-osd") && File.Exists("/usr/bin/ceph-mon"))
        {
            return null;
        }

        if (!Environment.IsPrivilegedProcess || !File.Exists("/usr/bin/apt-get"))
        {
            return "Ceph's object gateway must be installed for this test: radosgw, ceph-mon, ceph-osd.";
        }

        var install = Cli.Wrap("sh").WithArguments(["-c", "apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends radosgw ceph-mon ceph-osd ceph-common"]);
        var result = await install.WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();
        return result.IsSuccess ? null : $"Ceph's object gateway could not be installed: {result.StandardError.Trim().Split('\n')[^1]}";
    }

    private async Task StartAsync()
    {
        var (monitor, id) = (FreePort.Find(), Guid.NewGuid());
        var configuration = Path.Combine(_folder, "ceph.conf");
        await File.WriteAllTextAsync(configuration, $"""
            [global]
            fsid = {id}
            mon host = [v2:127.0.0.1:{monitor}]
            auth cluster required = none
            auth service required = none
            auth client required = none
            ms mon client mode = crc
            ms cluster mode = crc
            ms service mode = crc
            ms client mode = crc
            osd pool default size = 1
            osd pool default min size = 1
            osd pool default pg num = 1
            osd pool default pgp num = 1
            osd pool default pg autoscale mode = off
            mon allow pool size one = true
            mon max pg per osd = 1000
            osd crush chooseleaf type = 0
            osd objectstore = memstore
            memstore device bytes = 1073741824
            public addr = 127.0.0.1
            cluster addr = 127.0.0.1
            run dir = {_folder}
            admin socket = {_folder}/$name.asok
            log file = {_folder}/$name.log
            mon data = {_folder}/mon
            osd data = {_folder}/osd
            mon data avail crit = 1
            mon data avail warn = 1
            rgw data = {_folder}
            [client.rgw]
            rgw frontends = beast endpoint=127.0.0.1:{_port}
            rgw rados pool pg num min = 1

            """);
        Directory.CreateDirectory(Path.Combine(_folder, "mon"));
        Directory.CreateDirectory(Path.Combine(_folder, "osd"));
        await RunAsync("monmaptool", "--create", "--fsid", $"{id}", "--addv", "a", $"[v2:127.0.0.1:{monitor}]", $"{_folder}/monmap");
        await RunAsync("ceph-mon", "-i", "a", "--mkfs", "--monmap", $"{_folder}/monmap", "-c", configuration);
        Start("ceph-mon", "-i", "a", "-f", "-c", configuration);
        var disk = $"{Guid.NewGuid()}";
        await RunAsync("ceph", "-c", configuration, "osd", "new", disk);
        await RunAsync("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk, "-c", configuration);
        Start("ceph-osd", "-i", "0", "-f", "-c", configuration);
        Start("radosgw", "-n", "client.rgw", "-f", "-c", configuration);
        await RunAsync("radosgw-admin", "-c", configuration, "-n", "client.rgw", "--admin-socket=", "user", "create", "--uid=test", "--display-name=test", "--access-key=TESTKEY", "--secret-key=TESTSECRET");
        for (var i = 0; ; i++)
        {
            try
            {
                using var client = new TcpClient("127.0.0.1", _port);
                return;
            }
            catch (SocketException) when (i < 600)
            {
                await Task.Delay(100);
            }
        }
    }

    private static async Task RunAsync(string program, params string[] arguments) => await Cli.Wrap(program).WithArguments(arguments).ExecuteBufferedAsync(new CancellationTokenSource(TimeSpan.FromMinutes(2)).Token);

    private void Start(string program, params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        _processes.Add(process);
    }
}
