using System.Text;
using System.Text.RegularExpressions;
using Grpc.Core;

namespace Modal.Backend.ControlPlane.Secrets;

/// <summary>What variables a secret may have.</summary>
internal static partial class SecretChecks
{
    private const int MaxVariables = 1_000;

    // All of a container's variables go through one message to the worker and one to its process.
    private const int MaxBytes = 256 * 1024;

    /// <exception cref="RpcException">They cannot be.</exception>
    public static void Check(IReadOnlyDictionary<string, string> variables)
    {
        var bytes = variables.Sum(static v => (long)Encoding.UTF8.GetByteCount(v.Key) + Encoding.UTF8.GetByteCount(v.Value));
        var fault = variables.Count > MaxVariables ? $"A secret has {variables.Count} variables; at most {MaxVariables} are allowed."
            : bytes > MaxBytes ? $"The secret's variables have {bytes} bytes; at most {MaxBytes} are allowed."
            : variables.Keys.FirstOrDefault(static k => !ValidKey().IsMatch(k)) is { } key ? $"'{key}' cannot name a variable: use letters, digits and '_', with no digit first."
            // The key alone: a value is never part of a message.
            : variables.FirstOrDefault(static v => v.Value.Contains('\0', StringComparison.Ordinal)).Key is { } zero ? $"The value of '{zero}' has a zero character in it, which no variable can have."
            : null;
        if (fault is not null)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, fault));
        }
    }

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,255}$")]
    private static partial Regex ValidKey();
}
