using System.Globalization;
using Modal.Backend.ImageFs.Server;
using Modal.Backend.ImageFs.Tests;
using Modal.Backend.ImageFs.Tests.Testing;

if (args is ["serve", .. var rest])
{
    return ServerProgram.Run(rest, (arguments, _) => new PackContent(DictionaryTier.Load(arguments.Tier))
    {
        // As an origin nearby: so that there are always reads that wait when the server is killed.
        Fetching = (_, cancellationToken) => Task.Delay(TimeSpan.FromMilliseconds(3), cancellationToken),
        Complete = PackContent.FilesIn(arguments.CacheFolder),
    });
}

if (args is ["open", var folder, var first, var last])
{
    return OpenFilesChild.Run(folder, int.Parse(first, CultureInfo.InvariantCulture), int.Parse(last, CultureInfo.InvariantCulture));
}

return args.Any(a => a is "--server" or "--internal-msbuild-node")
    ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
