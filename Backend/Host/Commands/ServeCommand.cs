using Microsoft.Extensions.Hosting;
using Modal.Backend.Host.Daemon;

namespace Modal.Backend.Host.Commands;

/// <summary>Runs the host.</summary>
internal static class ServeCommand
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static async Task<int> RunAsync(HostOptions options, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.StateDirectory, OwnerOnly);
        if (options.Role != HostRole.Worker && System.Text.Encoding.UTF8.GetByteCount(options.Socket) > 107)
        {
            await Console.Error.WriteLineAsync($"The path of the socket, {options.Socket}, is longer than the 107 bytes that the system allows. Choose a shorter --state-dir.");
            return (int)ExitCode.Failure;
        }

        using var instance = await SingleInstance.TakeAsync(options, cancellationToken);
        if (instance is null)
        {
            await Console.Error.WriteLineAsync($"Another process serves {options.StateDirectory} already.");
            return (int)(options.Role == HostRole.Worker ? ExitCode.Failure : ExitCode.Success);
        }

        try
        {
            await using var host = HostBuilding.Build(options);
            await host.StartAsync(cancellationToken);
            instance.Announce();
            await host.WaitForShutdownAsync(cancellationToken);
            return (int)ExitCode.Success;
        }
#pragma warning disable CA1031 // The edge of the program: the reason goes to the one who started it, and to the log for one who started it in the background.
        catch (Exception e) when (e is not OperationCanceledException)
        {
            var reason = e is Microsoft.Extensions.Options.OptionsValidationException invalid ? string.Join(Environment.NewLine, invalid.Failures) : e.ToString();
            await Console.Error.WriteLineAsync(reason);
            instance.Record(reason);
            return (int)ExitCode.Failure;
        }
#pragma warning restore CA1031
    }
}
