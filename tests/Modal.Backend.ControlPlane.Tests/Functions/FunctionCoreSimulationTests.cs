using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Functions;

public sealed class FunctionCoreSimulationTests
{
    private const int Seeds = 1_000;
    private const int Steps = 300;

    [Fact]
    public void Core_RandomWorlds_EveryInputGetsExactlyOneResult()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            try
            {
                var world = new World(seed);
                for (var step = 0; step < Steps; step++)
                {
                    world.Step();
                }

                world.Finish();
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed}: {e}");
            }
        }
    }
}
