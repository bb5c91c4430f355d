using Modal.Protocol;

namespace Modal.Backend.Host.Commands;

/// <summary>Stops a daemon.</summary>
internal static class StopCommand
{
    // Containers with [Exit] methods may take a while.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(40);

    public static async Task<int> RunAsync(string stateDirectory, bool force, CancellationToken cancellationToken)
    {
        using var daemon = DaemonClient.TryConnect(stateDirectory);
        if (daemon is null)
        {
            Console.WriteLine($"No daemon serves {stateDirectory}.");
            return (int)ExitCode.NotRunning;
        }

        var pid = (await daemon.Client.HelloAsync(new HelloRequest { ProtocolRevision = ProtocolRevision.Current }, cancellationToken: cancellationToken)).Pid;
        var reply = await daemon.Client.ShutdownAsync(new ShutdownRequest { Force = force }, cancellationToken: cancellationToken);
        if (!reply.Stopping)
        {
            Console.WriteLine($"{reply.RunningApps} apps run; add --force to stop them too.");
            return (int)ExitCode.Busy;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_limit);
        while (Directory.Exists($"/proc/{pid}"))
        {
            await Task.Delay(20, limit.Token);
        }

        Console.WriteLine($"The daemon of {stateDirectory} has stopped.");
        return (int)ExitCode.Success;
    }
}
