using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Control;
using Modal.Backend.Store.Chunks;

namespace Modal.Backend.ImageFs.Server;

/// <summary>Main of the server process. Descriptor 0 is its end of the control socket.</summary>
internal static class ServerProgram
{
    /// <summary>Runs until the supervisor is gone.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="open">Opens the contents.</param>
    /// <returns>The exit code: 0; 1 if the contents cannot be opened; 2 if the command line is wrong.</returns>
    public static int Run(IReadOnlyList<string> arguments, Func<ServerArguments, ILoggerFactory, IContent> open)
    {
        if (ServerArguments.Parse(arguments) is not { } parsed)
        {
            Console.Error.WriteLine("This program is started by the worker: --tier TEXT --cache FOLDER --cache-bytes NUMBER, with a socket as standard input.");
            return 2;
        }

        using var loggers = new ErrorOutputLoggers();
        var logger = loggers.CreateLogger(nameof(ImageFs));
        IContent content;
        try
        {
            content = open(parsed, loggers);
        }
        catch (Exception exception) when (exception is ArgumentException or IOException or UnauthorizedAccessException)
        {
            Log.ContentNotOpened(logger, exception.Message);
            return 1;
        }

        using var channel = new ControlChannel(new Descriptor(0));
        new ImageFsServer(channel, content, TimeProvider.System, logger).Run();

        // Before the channel: the supervisor takes its end for ours.
        (content as IAsyncDisposable)?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return 0;
    }
}
