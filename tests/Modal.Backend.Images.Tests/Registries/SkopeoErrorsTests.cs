using Modal.Backend.Images.Registries;
using Xunit;

namespace Modal.Backend.Images.Tests.Registries;

public sealed class SkopeoErrorsTests
{
    [Fact]
    public void Explain_LogLine_GivesTheMessageAlone() =>
        Assert.Equal(
            """a:b cannot be pulled. The registry has no such image: check its name and tag. skopeo said: Error parsing image name "docker://a:b": manifest unknown""",
            SkopeoErrors.Explain("a:b", "time=\"2026-01-02T03:04:05Z\" level=warning msg=\"first\"\ntime=\"2026-01-02T03:04:06Z\" level=fatal msg=\"Error parsing image name \\\"docker://a:b\\\": manifest unknown\"\n"));

    [Theory]
    [InlineData("reading manifest v1 in docker.io/x/y: errors:\\ndenied: requested access to the resource is denied\\nunauthorized: authentication required", "give credentials")]
    [InlineData("pinging container registry a: Get \\\"https://a/v2/\\\": x509: certificate signed by unknown authority", "not secure")]
    [InlineData("pinging container registry a: Get \\\"https://a/v2/\\\": http: server gave HTTP response to HTTPS client", "not secure")]
    [InlineData("pinging container registry a: Get \\\"https://a/v2/\\\": dial tcp 10.0.0.1:443: i/o timeout", "cannot be reached")]
    [InlineData("toomanyrequests: You have reached your pull rate limit", "pull so often")]
    [InlineData("writing blob: write /tmp/x: no space left on device", "disk is full")]
    [InlineData("open /run/x: permission denied", "could not be asked")]
    [InlineData("", "could not be asked")]
    public void Explain_Error_SaysWhatToDo(string message, string advice) =>
        Assert.Contains(advice, SkopeoErrors.Explain("a:b", $"time=\"2026-01-02T03:04:05Z\" level=fatal msg=\"{message}\""), StringComparison.Ordinal);
}
