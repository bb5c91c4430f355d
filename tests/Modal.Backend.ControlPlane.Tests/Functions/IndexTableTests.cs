using Modal.Backend.ControlPlane.Functions;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Functions;

public sealed class IndexTableTests
{
    [Fact]
    public void Find_AfterRandomChanges_IsAsInADictionary()
    {
        var random = new Random(1);
        var table = new IndexTable<string>();
        var expected = new Dictionary<ulong, string>();

        for (var step = 0; step < 20_000; step++)
        {
            // Dense numbers, and some at the far end of what a client may choose.
            var number = random.Next(4) == 0 ? ulong.MaxValue - (ulong)random.Next(40) : (ulong)random.Next(200);
            Assert.Equal(expected.GetValueOrDefault(number), table.Find(number));
            if (expected.Remove(number))
            {
                table.Remove(number);
            }
            else
            {
                expected.Add(number, $"{step}");
                table.Add(number, $"{step}");
            }

            Assert.Equal(expected.Count, table.Count);
        }

        Assert.Equal(expected.Values.Order(StringComparer.Ordinal), table.Values.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Remove_UnknownNumber_ChangesNothing()
    {
        var table = new IndexTable<string>();
        table.Add(1, "one");

        table.Remove(2);
        table.Remove(1_000);

        Assert.Equal(["one"], table.Values);
    }
}
