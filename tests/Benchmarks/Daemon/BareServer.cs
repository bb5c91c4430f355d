using System.Diagnostics;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Modal.Benchmarks.Reporting;
using Modal.Protocol;
using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.Daemon;

/// <summary>The least that could answer: Kestrel with one gRPC service, in a process of its own.</summary>
internal static class BareServer
{
    public const string Argument = "--bare-server";

    public static async Task<double> StartAsync()
    {
        var socket = Path.Combine(Path.GetTempPath(), $"modal-bare-{Guid.NewGuid():N}.sock");
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        start.ArgumentList.Add(typeof(BareServer).Assembly.Location);
        start.ArgumentList.Add(Argument);
        start.ArgumentList.Add(socket);
        using var process = Process.Start(start)!;
        try
        {
            return await Stats.SecondsAsync(async () =>
            {
                while (!File.Exists(socket))
                {
                    await Task.Delay(5);
                }

                using var client = new ServerClient(socket);
                await client.DaemonPidAsync();
            });
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
            File.Delete(socket);
        }
    }

    public static async Task RunAsync(string socket)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.ListenUnixSocket(socket, o => o.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        var app = builder.Build();
        app.MapGrpcService<HelloService>();
        await app.RunAsync();
    }

    private sealed class HelloService : ModalClient.ModalClientBase
    {
        public override Task<HelloReply> Hello(HelloRequest request, ServerCallContext context) => Task.FromResult(new HelloReply { Pid = Environment.ProcessId });
    }
}
