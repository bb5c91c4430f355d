using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Server;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Objects;

return ServerProgram.Run(args, Open);

static LocalContent Open(ServerArguments arguments, ILoggerFactory loggers)
{
    var tier = TierAddress.Open(arguments.Tier);
    _ = ConnectAsync(tier);
    return new LocalContent(
        tier, new CacheOptions { Directory = arguments.CacheFolder, MaxBytes = arguments.CacheBytes }, TimeProvider.System, loggers.CreateLogger<LocalContent>());
}

// The first request opens a connection and has its code compiled: better now than when a container waits for it.
static async Task ConnectAsync(IObjectTier tier)
{
    try
    {
        await tier.ReadAsync(ObjectKeys.Pack(default), 0, new byte[1], CancellationToken.None);
    }
    catch (TierException)
    {
        // Whoever needs it next is told.
    }
}
