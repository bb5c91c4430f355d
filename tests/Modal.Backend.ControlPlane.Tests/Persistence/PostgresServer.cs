using System.Diagnostics;
using CliWrap;
using CliWrap.Buffered;
using Npgsql;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Persistence;

/// <summary>A PostgreSQL of its own on loopback, installed when it is missing and this is root.</summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modal-pg-").FullName;
    private readonly int _port = FreePort.Find();
    private string? _missing;
    private Process? _process;

    public async ValueTask InitializeAsync()
    {
        // As root only: it is started as its own user.
        _missing = Environment.IsPrivilegedProcess && Directory.Exists("/usr/lib/postgresql") ? null : await AptPackages.InstallAsync("postgresql");
        if (_missing is null)
        {
            await StartAsync();
        }
    }

    /// <summary>The address of a new, empty database.</summary>
    public async Task<string> CreateAsync()
    {
        Assert.SkipWhen(_missing is not null, _missing ?? "");
        var name = $"d{Guid.NewGuid():N}";
        await using var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={_port};Username=postgres;Database=postgres;Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
#pragma warning disable CA2100 // A name that was made here.
        command.CommandText = $"CREATE DATABASE {name}";
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync();
        return $"postgresql://postgres@127.0.0.1:{_port}/{name}";
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            // SIGINT: the server ends its sessions and then itself.
            await Cli.Wrap("kill").WithArguments(["-INT", $"{_process.Id}"]).ExecuteAsync();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private async Task StartAsync()
    {
        var programs = Path.Combine(Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Last(), "bin");
        var data = Path.Combine(_folder, "data");
        // The server refuses to run as root.
        await Cli.Wrap("chown").WithArguments(["postgres", _folder]).ExecuteAsync();
        await Cli.Wrap("runuser").WithArguments(["-u", "postgres", "--", $"{programs}/initdb", "-D", data, "-A", "trust", "--no-sync"]).ExecuteBufferedAsync();
        var start = new ProcessStartInfo("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", $"{programs}/postgres", "-D", data, "-p", $"{_port}", "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={_folder}"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = _folder,
        };
        _process = Process.Start(start)!;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        for (var i = 0; ; i++)
        {
            try
            {
                await using var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={_port};Username=postgres;Database=postgres;Pooling=false");
                await connection.OpenAsync();
                return;
            }
            catch (NpgsqlException) when (i < 600)
            {
                await Task.Delay(50);
            }
        }
    }
}
