using System.Text.RegularExpressions;
using Grpc.Core;

namespace Modal.Backend.ControlPlane.Names;

/// <summary>What users may call what they store, and environments.</summary>
internal static partial class ObjectNames
{
    /// <param name="name">The name.</param>
    /// <param name="noun">Such as <c>a queue</c>.</param>
    /// <param name="idPrefix">Which no name may begin with, so that a tool can tell a name from an id.</param>
    /// <exception cref="RpcException">It cannot be a name.</exception>
    public static void Check(string name, string noun, string idPrefix)
    {
        if (!ValidName().IsMatch(name) || name.StartsWith(idPrefix, StringComparison.Ordinal))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"'{name}' cannot name {noun}: use 1 to 64 letters, digits, '-', '_' and '.', with a letter or digit first, and not '{idPrefix}'."));
        }
    }

    [GeneratedRegex("^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$")]
    private static partial Regex ValidName();
}
