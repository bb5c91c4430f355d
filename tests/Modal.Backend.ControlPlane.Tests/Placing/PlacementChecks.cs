using System.Numerics;
using Modal.Backend.ControlPlane.Placing;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Placing;

/// <summary>What must hold after every operation of a <see cref="Placement"/>, found out by looking at everything.</summary>
internal static class PlacementChecks
{
    public static void Check(Placement placement)
    {
        foreach (var worker in placement.Workers)
        {
            Assert.Equal(worker.Containers.Sum(c => c.MilliCores), (int)Math.Round(worker.CpuCoresUsed * 1000));
            Assert.Equal(worker.Containers.Sum(c => (long)c.MemoryMiB), worker.MemoryMiBUsed);
            Assert.Equal(worker.Containers.Sum(c => (long)c.DiskMiB), worker.DiskMiBUsed);
            Assert.True(worker.Free[0] >= 0 && worker.Free[1] >= 0 && worker.Free[2] >= 0, $"{worker.Session} is over-committed.");
            CheckGpus(worker);
            Assert.Same(worker, worker.Group.Workers[worker.Slot]);
            if (worker.IsOpen)
            {
                Assert.Equal(worker.Slot, worker.Group.Room.Find(worker.Slot, worker.Free));
            }

            Assert.All(worker.Containers, c => Assert.Same(worker, c.Worker));
            Assert.True(worker.Reservation is null || worker.Reservation.Workers.Contains(worker));
            Assert.Equal(worker.Containers.Where(c => !c.Need.Nonpreemptible).Select(c => c.Need.Priority).DefaultIfEmpty(int.MaxValue).Min(), worker.LowestPriority);
        }

        Assert.Equal(placement.Placed.Count, placement.Workers.Sum(w => w.Containers.Count));
        Assert.All(placement.Placed, c => Assert.False(placement.IsWaiting(c.Id)));
        foreach (var item in placement.WaitingItems)
        {
            Assert.All(item.Reservation?.Workers ?? [], w => Assert.Same(item.Reservation, w.Reservation));
            Assert.Equal(item.Size > item.Members.Count, item.Node is null);
            if (item is { Size: 1, Queue.Class.IsOverQuota: false })
            {
                Assert.True(item.Queue.Class.IsFull, $"{item.Members[0].ContainerId} waits and nobody looks for it.");
                Assert.All(placement.Workers.Where(w => w.IsOpen), w => Assert.False(Fits(item, w), $"{item.Members[0].ContainerId} waits though {w.Session} has room."));
            }
        }
    }

    private static void CheckGpus(WorkerCapacity worker)
    {
        var owned = 0UL;
        foreach (var container in worker.Containers)
        {
            Assert.Equal(0UL, owned & container.Gpus);
            owned |= container.Gpus;
            Assert.True(worker.UuidsOf(container).Select(u => worker.Gpus.Single(g => g.Uuid == u).Model).Distinct().Count() <= 1, "A container has GPUs of different models.");
        }

        Assert.Equal(BitOperations.PopCount(owned), worker.GpusUsed);
    }

    private static bool Fits(WaitingItem item, WorkerCapacity worker)
    {
        var groups = new List<WorkerGroup>();
        for (var i = 0; i <= worker.Group.Index; i++)
        {
            groups.Add(worker.Group);
        }

        return new NeedClass("", item.Need, 1).TiersFor(groups, 0).Any(t => t.Includes(worker.Group) && worker.CanHold(t, t.ModelsIn(worker.Group)));
    }
}
