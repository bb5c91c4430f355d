namespace Modal.Backend.Images.Layers.Archives;

/// <summary>Kinds of entries, as their type flags say.</summary>
internal static class TarKind
{
    public const byte OldFile = 0;
    public const byte File = (byte)'0';
    public const byte HardLink = (byte)'1';
    public const byte Link = (byte)'2';
    public const byte CharacterDevice = (byte)'3';
    public const byte BlockDevice = (byte)'4';
    public const byte Folder = (byte)'5';
    public const byte Fifo = (byte)'6';
    public const byte ContiguousFile = (byte)'7';
    public const byte GlobalHeader = (byte)'g';
    public const byte ExtendedHeader = (byte)'x';
    public const byte GnuDumpFolder = (byte)'D';
    public const byte GnuLongLink = (byte)'K';
    public const byte GnuLongName = (byte)'L';
    public const byte GnuSparse = (byte)'S';
    public const byte GnuVolumeLabel = (byte)'V';

    /// <summary>Whether no data follows, whatever size the header has: some programs write that of the file a link leads to.</summary>
    public static bool IsHeaderOnly(byte kind) => kind is >= HardLink and <= Fifo;
}
