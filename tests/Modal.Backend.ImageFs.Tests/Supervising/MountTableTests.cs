using Xunit;

namespace Modal.Backend.ImageFs.Tests.Supervising;

public sealed class MountTableTests
{
    [Fact]
    public void Parse_LinesWithAndWithoutOptionalFieldsAndEscapes_GivesTheMounts()
    {
        var entries = MountTable.Parse(
        [
            @"36 35 98:0 /mnt1 /a\040b\134c rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue",
            "37 35 0:52 / /plain rw - fuse.modal-image modal:/s\\011t ro",
            "",
            "no mount at all",
            "1 2 3 4 5 6 -",
        ]);

        Assert.Equal([new("98:0", @"/a b\c", "ext3", "/dev/root"), new("0:52", "/plain", "fuse.modal-image", "modal:/s\tt")], entries);
    }
}
