using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Server;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Objects;

return ServerProgram.Run(args, Open);

static LocalContent Open(ServerArguments arguments, ILoggerFactory loggers)
{
    const string Folder = "folder:";
    var tier = arguments.Tier.StartsWith(Folder, StringComparison.Ordinal)
        ? new FolderTier(arguments.Tier[Folder.Length..])
        : throw new ArgumentException($"'{arguments.Tier}' is no tier; folder:/path is.");
    return new LocalContent(tier, new CacheOptions { Directory = arguments.CacheFolder, MaxBytes = arguments.CacheBytes }, TimeProvider.System, loggers.CreateLogger<LocalContent>());
}
