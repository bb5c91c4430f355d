using Modal.Backend.ControlPlane.Placing;
using Xunit;
using static Modal.Backend.ControlPlane.Tests.Placing.PlacementTests;

namespace Modal.Backend.ControlPlane.Tests.Placing;

/// <summary>Workers and requests that come and go by random choices from one seed; everything is checked with every step.</summary>
public sealed class PlacementSimulationTests
{
    private const int Seeds = 150;
    private const int Steps = 250;
    private static readonly string[] s_models = ["T4", "A100", "A100-80GB", "H100"];
    private static readonly string[] s_gpus = ["", "", "", "", "T4", "A100:2", "H100, any", "any:2"];
    private static readonly string[] s_regions = ["", "eu", "us"];
    private static readonly string[] s_keys = ["code:1", "code:2", "image:1", "snapshot:1"];

    [Fact]
    public void Placement_RandomWorlds_KeepsItsRulesAndLosesNothing()
    {
        var kinds = new HashSet<string>();
        for (var seed = 0; seed < Seeds; seed++)
        {
            try
            {
                kinds.UnionWith(Run(seed).Select(static l => l.Split(' ')[1]));
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed}: {e}");
            }
        }

        // What never happens is not tested.
        Assert.Equal(["Drained", "Impossible", "Placed", "Preempt", "Reserved", "Waiting"], kinds.Order());
    }

    [Fact]
    public void Placement_SameSeed_SameEvents()
    {
        Assert.Equal(Run(7), Run(7));
    }

    private static List<string> Run(int seed)
    {
        var random = new Random(seed);
        var quota = random.Next(3) == 0 ? new QuotaOptions { MaxContainers = random.Next(5, 30), MaxCpuCores = random.Next(10, 60), MaxGpus = random.Next(1, 8) } : null;
        var placement = new Placement(quota, (ulong)seed);
        var log = new List<string>();
        var wanted = new Dictionary<string, PoolRequest>();
        var placed = new Dictionary<string, string>();
        var workers = new List<string>();
        var now = 0L;
        for (var step = 0; step < Steps; step++)
        {
            now += random.Next(0, 2_000);
            Apply(random.Next(14) switch
            {
                0 or 1 when workers.Count < 24 => AddWorker($"wk-{step}"),
                2 when workers.Count > 0 && random.Next(2) == 0 => RemoveWorker(workers[random.Next(workers.Count)]),
                3 when workers.Count > 0 && random.Next(3) == 0 => placement.Drain(workers[random.Next(workers.Count)], now),
                4 or 5 or 6 when wanted.Count > 0 => Release(),
                7 => placement.Wake(now),
                8 when workers.Count > 0 => Hold(workers[random.Next(workers.Count)]),
                9 => placement.Handle(Cluster(step), now),
                _ => placement.Handle(Batch(step), now),
            });
            PlacementChecks.Check(placement);
            if (placement.WaitingItems.Any(i => i.Reservation is { Victims.Count: 0 }))
            {
                log.Add($"{now} Reserved");
            }

            Assert.Equal(wanted.Keys.Order(), placement.Placed.Select(c => c.Id).Concat(placement.WaitingItems.SelectMany(i => i.Members).Select(m => m.ContainerId)).Order());
            Assert.Equal(placed.OrderBy(p => p.Key, StringComparer.Ordinal), placement.Placed.Select(c => KeyValuePair.Create(c.Id, c.Worker.Session)).OrderBy(p => p.Key, StringComparer.Ordinal));
            Assert.True(quota is null || placement.Placed.Count <= quota.MaxContainers);
        }

        // With room for everything, nobody waits but members of clusters that are not complete.
        Apply(placement.Handle([.. placed.Keys.ToArray().Select(Forget)], now));
        for (var i = 0; i < 400; i++)
        {
            Apply(AddWorker($"wk-end-{i}"));
        }

        for (var round = 0; round < 100 && placement.WaitingItems.Any(i => i.Node is not null); round++)
        {
            now += 1_000;
            Apply(placement.Wake(now));
            Apply(placement.Handle([.. placed.Keys.ToArray().Select(Forget)], now));
        }

        Assert.DoesNotContain(placement.WaitingItems, i => i.Node is not null && !i.Queue.Class.IsOverQuota);
        Apply(placement.Handle([.. wanted.Keys.ToArray().Select(Forget)], now));
        Assert.Equal((0, 0), (placement.Placed.Count, placement.Waiting));
        Assert.All(placement.Workers, w => Assert.Equal((w.Total, null), (w.Free, w.Reservation)));
        return log;

        void Apply(IReadOnlyList<PlacementEvent> events)
        {
            foreach (var one in events)
            {
                log.Add($"{now} {one}");
                switch (one)
                {
                    case PlacementEvent.Placed p:
                        Assert.True(wanted.ContainsKey(p.ContainerId));
                        placed.Add(p.ContainerId, p.WorkerSession);
                        break;
                    case PlacementEvent.Impossible:
                        Assert.True(wanted.Remove(one.ContainerId));
                        break;
                    case PlacementEvent.Preempt:
                        Assert.True(placed.ContainsKey(one.ContainerId));
                        Assert.False(wanted[one.ContainerId].Need!.Nonpreemptible);
                        if (random.Next(2) == 0)
                        {
                            placement.BeginEviction(one.ContainerId);
                        }

                        break;
                }
            }
        }

        PoolRequest Forget(string id)
        {
            wanted.Remove(id);
            placed.Remove(id);
            return Given(id);
        }

        IReadOnlyList<PlacementEvent> AddWorker(string session)
        {
            workers.Add(session);
            var gpus = random.Next(3) == 0 ? random.Next(1, 9) : 0;
            return placement.AddWorker(
                Worker(session, random.Next(1, 17), random.Next(512, 16_384)) with
                {
                    DiskMiB = random.Next(0, 1000),
                    Region = s_regions[random.Next(3)],
                    Pool = random.Next(5) == 0 ? "other" : "default",
                    Gpus = [.. Enumerable.Range(0, gpus).Select(g => new GpuDevice($"GPU-{session}-{g}", s_models[random.Next(s_models.Length)]))],
                },
                now);
        }

        IReadOnlyList<PlacementEvent> RemoveWorker(string session)
        {
            workers.Remove(session);
            foreach (var id in placed.Where(p => p.Value == session).Select(p => p.Key).ToArray())
            {
                Forget(id);
            }

            return placement.RemoveWorker(session, now);
        }

        IReadOnlyList<PlacementEvent> Hold(string session)
        {
            placement.UpdateHoldings(session, [s_keys[random.Next(4)]], [s_keys[random.Next(4)]]);
            placement.ReportStarting(session, random.Next(4));
            return [];
        }

        IReadOnlyList<PlacementEvent> Release()
        {
            var ids = wanted.Keys.Where(_ => random.Next(4) == 0).ToArray();
            return placement.Handle([.. ids.Select(Forget)], now);
        }

        PoolRequest[] Batch(int step) => [.. Enumerable.Range(0, random.Next(1, 6)).Select(i =>
        {
            var app = random.Next(3);
            var request = Asked($"ta-{step}-{i}", Need(), $"fn-{app}-{random.Next(2)}", $"ap-{app}");
            wanted.Add(request.ContainerId, request);
            return request;
        })];

        PoolRequest[] Cluster(int step)
        {
            var size = random.Next(2, 5);
            var need = Need();
            PoolRequest[] members = [.. Enumerable.Range(0, size - (random.Next(5) == 0 ? 1 : 0)).Select(i => Asked($"ta-{step}-{i}", need) with { ClusterId = $"c-{step}", ClusterSize = size })];
            Array.ForEach(members, m => wanted.Add(m.ContainerId, m));
            return members;
        }

        ResourceNeed Need() => new(random.Next(1, 48) / 8.0, random.Next(1, 16) * 256, s_gpus[random.Next(s_gpus.Length)])
        {
            DiskMiB = random.Next(5) == 0 ? 100 : 0,
            Pool = random.Next(8) == 0 ? "other" : "default",
            Regions = random.Next(4) == 0 ? ["eu", "us"] : [],
            Priority = random.Next(4) == 0 ? random.Next(-2, 3) : 0,
            Nonpreemptible = random.Next(5) == 0,
            Spread = random.Next(4) == 0,
            LocalKeys = [s_keys[random.Next(2)], "image:1", "snapshot:1"],
        };
    }
}
