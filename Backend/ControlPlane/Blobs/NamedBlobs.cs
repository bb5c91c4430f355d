using Google.Protobuf;
using Google.Protobuf.Reflection;
using Modal.Backend.Store.Blobs;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>Finds the blobs that a message names.</summary>
internal static class NamedBlobs
{
    /// <summary>Adds all texts of a message, and of the messages in it, that can be digests. By their form and not by their field, so that a new field with a digest is not forgotten.</summary>
    /// <param name="message">Any.</param>
    /// <param name="digests">Where they go.</param>
    public static void AddTo(ISet<string> digests, IMessage message)
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder().Where(static f => f.FieldType is FieldType.String or FieldType.Message))
        {
            var value = field.Accessor.GetValue(message);
            foreach (var one in value is System.Collections.IDictionary map ? map.Values : value as System.Collections.IList ?? new[] { value })
            {
                if (one is IMessage inner)
                {
                    AddTo(digests, inner);
                }
                else if (one is string text && BlobDigest.IsValid(text))
                {
                    digests.Add(text);
                }
            }
        }
    }
}
