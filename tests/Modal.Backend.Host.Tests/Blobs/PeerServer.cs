using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Peers;

namespace Modal.Backend.Host.Tests.Blobs;

/// <summary>A server in this process that serves a tier over its Unix socket.</summary>
internal sealed class PeerServer : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("modal-peer-").FullName;
    private readonly WebApplication _app;

    private PeerServer(IObjectTier? tier)
    {
        var options = new HostOptions { Role = HostRole.Server, StateDirectory = _directory, IdleLimit = TimeSpan.Zero };
        _app = HostBuilding.Build(options, services =>
        {
            services.RemoveAll<IObjectTier>();
            if (tier is not null)
            {
                services.AddSingleton(tier);
            }
        });
        Channel = GrpcChannels.OpenSocket(options.Socket);
        Peer = new PeerTier(Channel, "test");
    }

    public GrpcChannel Channel { get; }

    public PeerTier Peer { get; }

    public static async Task<PeerServer> StartAsync(IObjectTier? tier, CancellationToken cancellationToken)
    {
        var server = new PeerServer(tier);
        await server._app.StartAsync(cancellationToken);
        return server;
    }

    public Task StopAsync() => _app.StopAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
