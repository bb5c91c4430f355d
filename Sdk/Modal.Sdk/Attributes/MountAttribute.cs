namespace Modal;

/// <summary>
/// Puts a volume into the containers of a <c>[Function]</c> method or, on a <c>[Service]</c> class, of all its methods: <c>[Mount("/data", nameof(Data))]</c>. May be there several times, with
/// different volumes at paths beside each other.
/// </summary>
/// <param name="path">Where it is: an absolute path outside of what containers need for themselves (<c>/tmp</c>, <c>/proc</c>, <c>/sys</c>, <c>/dev</c>, <c>/etc</c>, <c>/usr</c> and the like), such as <c>/data</c>.</param>
/// <param name="volume">Name of a static property, field or method without parameters of the same class that gives a <see cref="Modal.Volume"/>: use <c>nameof</c>.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class MountAttribute(string path, string volume) : Attribute
{
    /// <summary>Where it is.</summary>
    public string Path { get; } = path;

    /// <summary>The member that gives it.</summary>
    public string Volume { get; } = volume;
}
