using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Server;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Objects;

return ServerProgram.Run(args, Open);

static LocalContent Open(ServerArguments arguments, ILoggerFactory loggers)
{
    var tier = TierAddress.Open(arguments.Tier);
    _ = TierAddress.ConnectAsync(tier);
    return new LocalContent(
        tier, new CacheOptions { Directory = arguments.CacheFolder, MaxBytes = arguments.CacheBytes }, TimeProvider.System, loggers.CreateLogger<LocalContent>());
}
