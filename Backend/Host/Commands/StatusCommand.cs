using System.Globalization;
using Modal.Protocol;

namespace Modal.Backend.Host.Commands;

/// <summary>Shows what a daemon does.</summary>
internal static class StatusCommand
{
    public static async Task<int> RunAsync(string stateDirectory, CancellationToken cancellationToken)
    {
        using var daemon = DaemonClient.TryConnect(stateDirectory);
        if (daemon is null)
        {
            Console.WriteLine($"No daemon serves {stateDirectory}.");
            return (int)ExitCode.NotRunning;
        }

        var hello = await daemon.Client.HelloAsync(new HelloRequest { ProtocolRevision = ProtocolRevision.Current }, cancellationToken: cancellationToken);
        var status = await daemon.Client.GetStatusAsync(new StatusRequest(), cancellationToken: cancellationToken);
        Console.WriteLine($"daemon {hello.Pid}, containers run in: {(hello.Sandbox.Length > 0 ? hello.Sandbox : "(no worker yet)")}");
        foreach (var w in status.Workers)
        {
            var gpus = w.Gpus.Count > 0 ? $", {w.GpusUsed} of {w.Gpus.Count} GPUs ({string.Join(", ", w.Gpus.Distinct())})" : "";
            var place = $"{(w.Pool is "" or "default" ? "" : $", pool {w.Pool}")}{(w.Region.Length > 0 ? $", {w.Region}" : "")}{(w.Draining ? ", about to stop" : "")}";
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"worker {w.WorkerId}: {w.CpuCoresUsed:0.###} of {w.CpuCores:0.###} cores, {w.MemoryMibUsed} of {w.MemoryMib} MiB{gpus}, {w.Containers} containers{place}"));
        }

        foreach (var app in status.Apps)
        {
            Console.WriteLine($"app {app.AppId} {app.Name}");
            foreach (var function in app.Functions)
            {
                Console.WriteLine($"  {function.Name}: {function.Stats.InputsQueued} queued, {function.Stats.InputsRunning} running");
                foreach (var container in function.Containers)
                {
                    var phases = string.Join(", ", container.Phases.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Name} {p.DurationUs / 1000.0:0.#} ms")));
                    Console.WriteLine($"    {container.ContainerId} {container.State} {phases}");
                }
            }
        }

        return (int)ExitCode.Success;
    }
}
