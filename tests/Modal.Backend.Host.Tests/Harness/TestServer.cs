using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Store.Peers;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Harness;

/// <summary>A real server in this process, reached over its Unix socket. Its clock stands still until a test turns it.</summary>
public sealed class TestServer : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("modal-host-").FullName;
    private readonly List<GrpcChannel> _channels = [];
    private WebApplication? _app;

    public FakeTimeProvider Time { get; } = new();

    public IServiceProvider Services => _app!.Services;

    internal HostOptions Options => new() { Role = HostRole.Server, StateDirectory = _directory, IdleLimit = TimeSpan.Zero };

    public async ValueTask InitializeAsync()
    {
        _app = HostBuilding.Build(Options, services => services.AddSingleton<TimeProvider>(Time));
        await _app.StartAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Ends the server and starts another in its place, which has only what is on disk.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await InitializeAsync();
    }

    /// <summary>A connection of its own, as another program would have.</summary>
    public GrpcChannel Connect()
    {
        var channel = GrpcChannels.OpenSocket(Options.Socket);
        _channels.Add(channel);
        return channel;
    }

    public ModalClient.ModalClientClient Client() => new(Connect());

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task StopAsync()
    {
        _channels.ForEach(c => c.Dispose());
        _channels.Clear();
        if (_app is not null)
        {
            await _app.StopAsync(CancellationToken.None);
            await _app.DisposeAsync();
            _app = null;
        }
    }
}
