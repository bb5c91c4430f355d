using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;
using Xunit;

namespace Modal.Backend.Images.Tests.Building;

public sealed class LayerBuildTests
{
    private static readonly BuildRecord s_record = new() { Index = $"{new string('0', 64)}-{new string('0', 16)}", Config = ImageConfig.Empty };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Wait_BySeveral_BuildsOnce()
    {
        var count = 0;
        var build = new LayerBuild((_, _) => Task.FromResult(new BuiltLayer(s_record, Interlocked.Increment(ref count) == 1)));

        var all = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => build.WaitAsync((_, _) => { }, Cancel)));

        Assert.All(all, b => Assert.True(b!.IsNew));
        Assert.Equal(1, count);
    }

    [Fact]
    public async Task Wait_ForACalledOffBuild_IsNothing()
    {
        using var leave = new CancellationTokenSource();
        var begun = new TaskCompletionSource();
        var build = new LayerBuild(async (_, token) =>
        {
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, token);
            return new BuiltLayer(s_record, true);
        });
        var first = build.WaitAsync((_, _) => { }, leave.Token);
        await begun.Task;
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);

        Assert.Null(await build.WaitAsync((_, _) => { }, Cancel));
    }
}
