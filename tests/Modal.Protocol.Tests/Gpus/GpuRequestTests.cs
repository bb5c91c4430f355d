using Xunit;
namespace Modal.Protocol.Tests.Gpus;

public sealed class GpuRequestTests
{
    [Theory]
    [InlineData(null, "")]
    [InlineData(" ", "")]
    [InlineData("h100", "H100")]
    [InlineData("A100-80GB:2", "A100-80GB:2")]
    [InlineData("H100, a100:8 ,any", "H100,A100:8,any")]
    public void TryParse_Acceptable_GivesTheAlternativesInOrder(string? text, string expected)
    {
        Assert.True(GpuRequest.TryParse(text, out var alternatives, out var fault), fault);
        Assert.Equal(expected, string.Join(',', alternatives));
    }

    [Theory]
    [InlineData("H100:0")]
    [InlineData("H100:9")]
    [InlineData("H100:2:3")]
    [InlineData("H100,")]
    [InlineData("H 100")]
    [InlineData("H100:x")]
    public void TryParse_Faulty_SaysWhatIsAllowed(string text)
    {
        Assert.False(GpuRequest.TryParse(text, out var alternatives, out var fault));
        Assert.Empty(alternatives);
        Assert.Contains("must be a model such as H100 or A100-80GB, or any, with a count from 1 to 8", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("any", "T4", true)]
    [InlineData("A100", "A100-80GB", true)]
    [InlineData("A100-80GB", "A100", false)]
    [InlineData("A10", "A100", false)]
    [InlineData("h100", "H100", true)]
    public void Accepts_Model_FollowsTheNames(string request, string model, bool accepted)
    {
        Assert.True(GpuRequest.TryParse(request, out var alternatives, out _));
        Assert.Equal(accepted, alternatives[0].Accepts(model));
    }
}
