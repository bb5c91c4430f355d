namespace Modal.Backend.ImageFs.Protocol;

/// <summary>FUSE_* flags of INIT: flags are the lower 32 bits, flags2 the upper ones.</summary>
[Flags]
internal enum FuseFeatures : ulong
{
    None = 0,
    AsyncRead = 1UL << 0,
    DoReadDirPlus = 1UL << 13,
    ReadDirPlusAuto = 1UL << 14,
    NoOpenSupport = 1UL << 17,
    ParallelDirOps = 1UL << 18,
    MaxPages = 1UL << 22,
    CacheSymlinks = 1UL << 23,
    NoOpenDirSupport = 1UL << 24,
    InitExt = 1UL << 30,
    Passthrough = 1UL << 37,
    NoExportSupport = 1UL << 38,
    HasResend = 1UL << 39,
}
