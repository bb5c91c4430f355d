using Modal.Backend.ControlPlane.Functions;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Functions;

public sealed class ChainTests
{
    [Fact]
    public void AddAndRemove_Randomly_KeepTheOrderOfALinkedList()
    {
        var random = new Random(1);
        Chain<Link> chain = default;
        var expected = new LinkedList<Link>();

        for (var step = 0; step < 10_000; step++)
        {
            if (expected.Count > 0 && random.Next(2) == 0)
            {
                var removed = expected.ElementAt(random.Next(expected.Count));
                expected.Remove(removed);
                chain.Remove(removed);
                Assert.Null(removed.Next);
                Assert.Null(removed.Previous);
            }
            else
            {
                var added = new Link();
                var atFront = random.Next(2) == 0;
                chain.Add(added, atFront);
                _ = atFront ? expected.AddFirst(added) : expected.AddLast(added);
            }

            Assert.Equal(expected.Count, chain.Count);
            Assert.Same(expected.First?.Value, chain.First);
            Assert.Same(expected.Last?.Value, chain.Last);
        }

        var item = chain.First;
        foreach (var link in expected)
        {
            Assert.Same(link, item);
            item = item!.Next;
        }

        Assert.Null(item);
    }

    private sealed class Link : Chained<Link>;
}
