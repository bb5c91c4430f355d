using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Control;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.Store.Chunks;

namespace Modal.Backend.ImageFs.Server;

/// <summary>Main of the server process. Descriptor 0 is its end of the control socket.</summary>
internal static class ServerProgram
{
    /// <summary>Runs until the supervisor is gone.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="open">Opens the contents.</param>
    /// <returns>The exit code: 0; 2 if the command line is wrong.</returns>
    public static int Run(IReadOnlyList<string> arguments, Func<ServerArguments, ILogger, IContent> open)
    {
        if (ServerArguments.Parse(arguments) is not { } parsed)
        {
            Console.Error.WriteLine("This program is started by the worker: --tier TEXT --cache FOLDER --cache-bytes NUMBER, with a socket as standard input.");
            return 2;
        }

        var logger = new ErrorOutputLogger();
        using var channel = new ControlChannel(new Descriptor(0));
        var content = open(parsed, logger);
        new ImageFsServer(channel, content, TimeProvider.System, logger).Run();

        // Before the channel: the supervisor takes its end for ours.
        (content as IDisposable)?.Dispose();
        return 0;
    }
}
