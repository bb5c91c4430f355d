using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Server;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Objects;

return ServerProgram.Run(args, Open);

static LocalContent Open(ServerArguments arguments, ILoggerFactory loggers) => new(
    TierAddress.Open(arguments.Tier),
    new CacheOptions { Directory = arguments.CacheFolder, MaxBytes = arguments.CacheBytes },
    TimeProvider.System,
    loggers.CreateLogger<LocalContent>());
