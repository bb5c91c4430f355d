using System.Globalization;
using System.Security.Cryptography;
using Google.Protobuf;

namespace Modal.Protocol;

/// <summary>Names of content that a worker may have on its disk, as in <see cref="WorkerHoldings"/>.</summary>
public static class LocalKeys
{
    /// <summary>How keys of code begin.</summary>
    public const string CodePrefix = "code:";

    /// <summary>How keys of images begin.</summary>
    public const string ImagePrefix = "image:";

    /// <summary>How keys of snapshots begin.</summary>
    public const string SnapshotPrefix = "snapshot:";

    /// <summary>Key of a code version.</summary>
    /// <param name="digest">As in <see cref="CodeVersion.Digest"/>.</param>
    public static string Code(string digest) => CodePrefix + digest;

    /// <summary>Key of an image.</summary>
    /// <param name="imageId">As in <see cref="FunctionSpec.ImageId"/>.</param>
    public static string Image(string imageId) => ImagePrefix + imageId;

    /// <summary>Key of a function's snapshot. The same for the same function of the same code in every run of its app, whatever its id and its scaling are.</summary>
    /// <param name="function">The function.</param>
    /// <param name="code">Its code.</param>
    public static string Snapshot(FunctionSpec function, CodeVersion code)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(code);
        var identity = string.Join('\n', code.Digest, function.ImageId, function.Assembly, function.Name, function.NeedsAspnetcore.ToString(CultureInfo.InvariantCulture),
            function.ServiceArguments is { } arguments ? Convert.ToHexStringLower(SHA256.HashData(arguments.ToByteArray())) : "");
        return SnapshotPrefix + Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(identity)));
    }
}
