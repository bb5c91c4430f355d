using System.Text;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Volumes;

/// <summary>Volumes in containers and from the client. Each test has the volume to itself.</summary>
[Collection("volumes")]
public sealed class VolumeScenarios(DaemonFixture daemon) : IAsyncLifetime
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        daemon.RequireGVisor();
        await ScenarioApp.Stored.Data.DescribeAsync(Limit);
        await ScenarioApp.Stored.Data.RemoveAsync("", recursive: true, Limit);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact(Timeout = 120_000)]
    public async Task Commit_InOneFunction_IsReadInAnother()
    {
        Assert.Equal("one", await ScenarioApp.Stored.Remote.Write.CallAsync("a/b/one.txt", "one", Limit));

        Assert.Equal(["a/b/one.txt=one"], await ScenarioApp.Stored.Remote.Read.CallAsync(Limit));
        var listed = new List<string>();
        await foreach (var file in ScenarioApp.Stored.Data.ListAsync(recursive: true, cancellationToken: Limit))
        {
            listed.Add($"{file.Kind} {file.Path} {file.SizeBytes}");
        }

        Assert.Equal(["Directory a 0", "Directory a/b 0", "File a/b/one.txt 3"], listed);
    }

    [Fact(Timeout = 120_000)]
    public async Task WrittenAndNotCommitted_ContainerEnds_IsCommitted()
    {
        await ScenarioApp.Stored.Remote.WriteAndLeave.CallAsync("left", "kept", Limit);

        Assert.Equal("kept", await Until.SeenAsync("the commit when the container ends", TimeSpan.FromSeconds(30), () => ReadAsync("left"), static t => t is not null));
    }

    [Fact(Timeout = 120_000)]
    public async Task Reload_AfterAnotherCommit_ShowsItAndLeavesOpenFilesAsTheyAre()
    {
        Assert.Equal("nothing|", await ScenarioApp.Stored.Remote.Look.CallAsync("x", false, Limit));
        await ScenarioApp.Stored.Remote.Write.CallAsync("x", "first", Limit);
        Assert.Equal("nothing|", await ScenarioApp.Stored.Remote.Look.CallAsync("x", false, Limit));
        Assert.Equal("first|first", await ScenarioApp.Stored.Remote.Look.CallAsync("x", true, Limit));
        await ScenarioApp.Stored.Remote.Write.CallAsync("x", "second", Limit);

        Assert.Equal("first|first", await ScenarioApp.Stored.Remote.Look.CallAsync("x", false, Limit));
        Assert.Equal("second|first", await ScenarioApp.Stored.Remote.Look.CallAsync("x", true, Limit));
    }

    [Fact(Timeout = 120_000)]
    public async Task Commit_OfTwoWriters_Merges()
    {
        await Task.WhenAll(ScenarioApp.Stored.Remote.Write.CallAsync("mine", "1", Limit), ScenarioApp.Stored.Remote.WriteAndLeave.CallAsync("theirs", "2", Limit), ScenarioApp.Stored.Data.UploadAsync([(typeof(ScenarioApp.Stored).Assembly.Location, "lib.dll")], cancellationToken: Limit));

        Assert.Equal("2", await Until.SeenAsync("the commit when the container ends", TimeSpan.FromSeconds(30), () => ReadAsync("theirs"), static t => t is not null));
        Assert.Equal("1", await ReadAsync("mine"));
        await using var uploaded = await ScenarioApp.Stored.Data.ReadFileAsync("lib.dll", Limit);
        using var copy = new MemoryStream();
        await uploaded.CopyToAsync(copy, Limit);
        Assert.Equal(await File.ReadAllBytesAsync(typeof(ScenarioApp.Stored).Assembly.Location, Limit), copy.ToArray());
    }

    [Fact(Timeout = 120_000)]
    public async Task ReadOnlyAndSubPath_AreWhatTheySay()
    {
        await ScenarioApp.Stored.Remote.Write.CallAsync("a/b/seen", "1", Limit);
        await ScenarioApp.Stored.Remote.Write.CallAsync("other", "2", Limit);

        Assert.Contains("Read-only file system", await ScenarioApp.Stored.Remote.TryToWrite.CallAsync(Limit), StringComparison.Ordinal);
        Assert.Equal(["inside", "seen"], await ScenarioApp.Stored.Remote.InPart.CallAsync(Limit));
        Assert.Equal("part", await Until.SeenAsync("the commit when the container ends", TimeSpan.FromSeconds(30), () => ReadAsync("a/b/inside"), static t => t is not null));
    }

    [Fact(Timeout = 120_000)]
    public async Task UploadCopyRemoveDownload_OfTheClient_AreSeenByContainers()
    {
        var folder = Directory.CreateTempSubdirectory("modal-volume-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.CreateSubdirectory("in").FullName, "file"), "uploaded", Limit);
            await ScenarioApp.Stored.Data.UploadAsync(folder.FullName, "up", cancellationToken: Limit);
            await Assert.ThrowsAsync<AlreadyExistsException>(() => ScenarioApp.Stored.Data.UploadAsync(folder.FullName, "up", cancellationToken: Limit));
            await ScenarioApp.Stored.Data.UploadAsync(folder.FullName, "up", force: true, Limit);
            await ScenarioApp.Stored.Data.CopyAsync(["up/in/file"], "copied", Limit);
            Assert.Equal(["copied=uploaded", "up/in/file=uploaded"], await ScenarioApp.Stored.Remote.Read.CallAsync(Limit));

            await Assert.ThrowsAsync<InvalidRequestException>(() => ScenarioApp.Stored.Data.RemoveAsync("up", cancellationToken: Limit));
            await ScenarioApp.Stored.Data.DownloadAsync("up", Path.Combine(folder.FullName, "out"), Limit);
            Assert.Equal("uploaded", await File.ReadAllTextAsync(Path.Combine(folder.FullName, "out/in/file"), Limit));
            await ScenarioApp.Stored.Data.RemoveAsync("up", recursive: true, Limit);
            Assert.Equal(["copied=uploaded"], await ScenarioApp.Stored.Remote.Read.CallAsync(Limit));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact(Timeout = 180_000)]
    public async Task Commit_ManySmallFiles_IsQuickAndUnchangedQuicker()
    {
        var (first, unchanged) = await ScenarioApp.Stored.Remote.CommitMany.CallAsync(2_000, Limit);

        TestContext.Current.SendDiagnosticMessage($"2,000 files: {first:0} ms; unchanged: {unchanged:0} ms");
        Assert.InRange(first, 1, 20_000);
        Assert.InRange(unchanged, 0, first);
    }

    [Fact(Timeout = 180_000)]
    public async Task Kill_TheDaemonBetweenCommits_LeavesAWholeVersion()
    {
        await ScenarioApp.Stored.Remote.Write.CallAsync("whole", "1", Limit);
        var many = ScenarioApp.Stored.Remote.CommitMany.CallAsync(3_000, Limit);
        await Until.SeenAsync("a commit from time to time", TimeSpan.FromSeconds(60), () => CountAsync("many"), static n => n > 0);
        using (var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock")))
        {
            Signal.Send(await server.DaemonPidAsync(), Signal.Kill);
        }

        await many;
        Assert.Equal(("1", 3_000), (await ReadAsync("whole"), await CountAsync("many")));
        Assert.StartsWith("2999x", await ReadAsync("many/29/2999"), StringComparison.Ordinal);
    }

    private static async Task<int> CountAsync(string path)
    {
        try
        {
            return await ScenarioApp.Stored.Data.ListAsync(path, recursive: true, Limit).CountAsync(static f => f.Kind == VolumeFileKind.File, Limit);
        }
        catch (NotFoundException)
        {
            return 0;
        }
    }

    private static async Task<string?> ReadAsync(string path)
    {
        try
        {
            await using var content = await ScenarioApp.Stored.Data.ReadFileAsync(path, Limit);
            using var reader = new StreamReader(content, Encoding.UTF8);
            return await reader.ReadToEndAsync(Limit);
        }
        catch (NotFoundException)
        {
            return null;
        }
    }
}
