using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane;
using Modal.Backend.ControlPlane.Containers;
using Modal.Backend.Host.Bridging;
using Modal.Backend.Host.Daemon;
using Modal.Backend.Host.Logging;
using Modal.Backend.Host.Transport;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Peers;
using Modal.Backend.Worker;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Session;
using Orleans.Configuration;

namespace Modal.Backend.Host;

/// <summary>Puts a host together from the roles it has.</summary>
internal static class HostBuilding
{
    /// <param name="options">What to build.</param>
    /// <param name="replace">Replaces services before the host is built; for tests.</param>
    public static WebApplication Build(HostOptions options, Action<IServiceCollection>? replace = null)
    {
        // Nothing of the machine's configuration: settings files beside the program and ASPNETCORE_ variables are for other programs.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = options.StateDirectory, EnvironmentName = Environments.Production });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("Modal", LogLevel.Information);
        builder.Logging.AddProvider(new FileLoggerProvider(Path.Combine(options.StateDirectory, "logs", options.Role == HostRole.Worker ? "worker.log" : "daemon.log")));
        if (options.LogToConsole)
        {
            builder.Logging.AddSimpleConsole(c => c.SingleLine = true);
        }

        builder.Services.AddSingleton(options);
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(h => h.ShutdownTimeout = TimeSpan.FromSeconds(15));
        var transport = new InProcessTransport();
        if (options.Role != HostRole.Worker)
        {
            AddServer(builder, options, transport);
        }
        else
        {
            builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(new InProcessEndPoint()));
            builder.Services.AddSingleton<IConnectionListenerFactory>(transport);
        }

        if (options.Role != HostRole.Server)
        {
            AddWorker(builder, options, transport);
        }

        replace?.Invoke(builder.Services);
        var app = builder.Build();
        if (options.Role != HostRole.Worker)
        {
            app.UseContainerAccess();
            app.MapModalControlPlane();
        }

        return app;
    }

    private static void AddServer(WebApplicationBuilder builder, HostOptions options, InProcessTransport transport)
    {
        builder.Services.AddSingleton<IConnectionListenerFactory>(transport);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ListenUnixSocket(options.Socket, Serve);
            kestrel.Listen(new InProcessEndPoint(), Serve);
            if (options.Listen is not null)
            {
                kestrel.Listen(ParseLoopback(options.Listen), Serve);
            }

            // Streams carry little at a time but all of a Map over one connection; the defaults (128 KiB) would make it stop and go.
            kestrel.Limits.Http2.InitialStreamWindowSize = 4 * 1024 * 1024;
            kestrel.Limits.Http2.InitialConnectionWindowSize = 16 * 1024 * 1024;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
        });
        builder.Services.AddSingleton(_ => TierAddress.Open(options.StoreAddress));
        builder.Services.AddModalControlPlane(o =>
        {
            o.IsLocalDaemon = options.Role == HostRole.All || options.Listen is null;
            o.HostBuild = BuildId();
            o.BlobKeep = options.BlobKeep;
            o.Database = options.DatabaseAddress;
            o.SecretsKey = options.SecretsKeyPath;
        });
        builder.Services.AddHostedService<IdleStop>();
        builder.Services.AddHostedService<OldBlobs>();
        builder.UseOrleans(silo =>
        {
            // The silo is alone: its address names it and is never listened on.
            silo.UseLocalhostClustering(gatewayPort: 0, serviceId: "modal", clusterId: Guid.NewGuid().ToString("N"));
            foreach (var listener in silo.Services.Where(static d => d.IsKeyedService && d.ServiceType == typeof(IConnectionListenerFactory)).ToArray())
            {
                silo.Services.Remove(listener);
                silo.Services.AddKeyedSingleton<IConnectionListenerFactory, NoListenerFactory>(listener.ServiceKey);
            }

            silo.Configure<SiloMessagingOptions>(m => m.ResponseTimeout = TimeSpan.FromSeconds(30));
        });
    }

    private static void AddWorker(WebApplicationBuilder builder, HostOptions options, InProcessTransport transport)
    {
        if (options.Role == HostRole.All)
        {
            builder.Services.AddSingleton<IControlPlaneChannel>(_ => new ServerChannel(GrpcChannels.Open(transport.ConnectAsync), transport.ConnectAsync));
            builder.Services.AddSingleton<IWorkerBlobs, StoreBlobs>();
        }
        else
        {
            builder.Services.AddSingleton<IControlPlaneChannel>(_ => new ServerChannel(GrpcChannels.Open(options.ServerAddress), token => GrpcChannels.ConnectAsync(options.ServerAddress, token)));
        }

        var drain = options.Role == HostRole.Worker ? new WorkerOptions().DrainGrace : TimeSpan.Zero;
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(h => h.ShutdownTimeout += drain);
        builder.Services.AddModalWorker(w =>
        {
            (w.StateDirectory, w.StoreTier, w.Images, w.WaitingRunners, w.DrainGrace) = (options.StateDirectory, options.StoreAddress, options.Images, options.WaitingRunners, drain);
            (w.Region, w.Pool, w.EphemeralDiskMiB) = (options.Region, options.Pool, options.DiskMiB);
            w.Gpus = options.Gpus switch
            {
                "all" => null,
                "none" => [],
                var uuids => uuids.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            };
        });
    }

    // Workers bring their containers' connections to wherever they are connected themselves.
    private static void Serve(ListenOptions listener)
    {
        listener.Protocols = HttpProtocols.Http2;
        listener.UseContainerConnections();
    }

    private static IPEndPoint ParseLoopback(string text) =>
        IPEndPoint.TryParse(text, out var endpoint) && endpoint.Port > 0 && IPAddress.IsLoopback(endpoint.Address)
            ? endpoint
            : throw new ArgumentException($"--listen is '{text}'; it must be a loopback address with a port, such as 127.0.0.1:7777, because connections are not authenticated.");

    private static string BuildId()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "build-id");
        return File.Exists(file) ? File.ReadAllText(file).Trim() : "";
    }
}
