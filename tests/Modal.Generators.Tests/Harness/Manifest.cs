using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Modal.Generators.Tests.Harness;

/// <summary>The manifest of a compiled assembly, read without running it.</summary>
internal static class Manifest
{
    public static string Read(byte[] assembly)
    {
        using var file = new PEReader(new MemoryStream(assembly));
        var metadata = file.GetMetadataReader();
        foreach (var handle in metadata.GetAssemblyDefinition().GetCustomAttributes())
        {
            var attribute = metadata.GetCustomAttribute(handle);
            var type = metadata.GetTypeReference((TypeReferenceHandle)metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent);
            if (metadata.GetString(type.Name) == nameof(ModalManifestAttribute))
            {
                var blob = metadata.GetBlobReader(attribute.Value);
                blob.ReadUInt16();
                return blob.ReadSerializedString()!;
            }
        }

        throw new InvalidOperationException("The assembly has no manifest.");
    }
}
