namespace Modal;

/// <summary>What an entry of a volume is.</summary>
public enum VolumeFileKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>A folder.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    Link,

    /// <summary>A named pipe.</summary>
    Pipe,
}
