using Modal.Backend.ControlPlane.Images;
using Modal.Backend.ControlPlane.Workers;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Images;

public sealed class BuildGpusTests
{
    [Theory]
    [InlineData("", "", true)]
    [InlineData("H100", "H100", true)]
    [InlineData("A100", "A100-80GB", true)]
    [InlineData("H200, any", "L4", true)]
    [InlineData("H100:2", "H100 H100", true)]
    [InlineData("H100:2", "H100 L4", false)]
    [InlineData("any", "", false)]
    [InlineData("H100", "L4", false)]
    public void Suffice_GpusOfAWorker_HaveWhatEachStepAsksFor(string asked, string models, bool suffice) => Assert.Equal(suffice, BuildGpus.Suffice(Image(asked), Worker(models).Gpus));

    [Fact]
    public void Lack_NoWorkerHasThem_NamesWhatIsAskedForAndWhatThereIs()
    {
        Assert.Equal("Steps of the image ask for the GPU H100 and L4:2, which no connected worker has; there is A10, H100.", BuildGpus.Lack(Image("H100", "", "L4:2"), [Worker("H100"), Worker("A10 A10")]));
        Assert.Equal("Steps of the image ask for the GPU any, which no connected worker has; there are none.", BuildGpus.Lack(Image("any"), [Worker("")]));
    }

    [Fact]
    public void Lack_OneWorkerHasThemOrNoneAreAskedFor_IsNull()
    {
        Assert.Null(BuildGpus.Lack(Image("H100"), [Worker("L4"), Worker("L4 H100")]));
        Assert.Null(BuildGpus.Lack(Image(""), []));
    }

    private static ImageSpec Image(params string[] gpus) => new() { Layers = { gpus.Select(static g => new ImageLayer { Operation = "run-commands", Gpu = g }) } };

    private static WorkerLink Worker(string models) => new("s") { Gpus = [.. models.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static m => new WorkerGpu { Model = m })] };
}
