using Modal.Backend.Worker.Gpus;
using Xunit;

namespace Modal.Backend.Worker.Tests.Gpus;

public sealed class GpuModelTests
{
    [Theory]
    [InlineData("NVIDIA H100 80GB HBM3", 81559, "H100")]
    [InlineData("NVIDIA H100 PCIe", 81559, "H100")]
    [InlineData("NVIDIA H100 NVL", 95830, "H100")]
    [InlineData("NVIDIA H200", 143771, "H200")]
    [InlineData("NVIDIA B200", 183359, "B200")]
    [InlineData("NVIDIA A100-SXM4-80GB", 81920, "A100-80GB")]
    [InlineData("NVIDIA A100-SXM4-40GB", 40960, "A100-40GB")]
    [InlineData("NVIDIA A100 80GB PCIe", 81920, "A100-80GB")]
    [InlineData("A100-PCIE-40GB", 40536, "A100-40GB")]
    [InlineData("NVIDIA A100", 81559, "A100-80GB")]
    [InlineData("Tesla V100-SXM2-16GB", 16384, "V100-16GB")]
    [InlineData("NVIDIA L4", 23034, "L4")]
    [InlineData("NVIDIA L40S", 46068, "L40S")]
    [InlineData("Tesla T4", 15360, "T4")]
    [InlineData("NVIDIA A10", 23028, "A10")]
    [InlineData("NVIDIA A10G", 23028, "A10")]
    [InlineData("NVIDIA RTX PRO 6000 Blackwell Server Edition", 97887, "RTX-PRO-6000")]
    [InlineData("NVIDIA RTX 6000 Ada Generation", 49140, "RTX-6000-ADA")]
    [InlineData("NVIDIA GeForce RTX 4090", 24564, "GEFORCE-RTX-4090")]
    [InlineData("NVIDIA GH200 480GB", 97871, "GH200")]
    [InlineData("NVIDIA Graphics Device", 1, "UNKNOWN")]
    public void Of_NameOfTheDriver_IsThatOfRequests(string name, long memoryMiB, string model) => Assert.Equal(model, GpuModel.Of(name, memoryMiB));
}
