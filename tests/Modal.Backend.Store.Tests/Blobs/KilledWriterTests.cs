using System.Diagnostics;
using System.Security.Cryptography;
using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Objects;
using Xunit;

namespace Modal.Backend.Store.Tests.Blobs;

/// <summary>Another process writes and is killed in the middle of it: this program again, told by a variable.</summary>
public sealed class KilledWriterTests
{
    private const string Variable = "MODAL_TEST_STORE_WRITER";

    [Fact]
    public async Task Put_WriterKilled_NothingHalfIsVisible()
    {
        var token = TestContext.Current.CancellationToken;
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } mine)
        {
            await WriteForEverAsync(mine, token);
        }

        var directory = Directory.CreateTempSubdirectory("modal-killed-").FullName;
        try
        {
            for (var round = 0; round < 3; round++)
            {
                await WriteAndKillAsync(directory, token);
            }

            var tier = new FolderTier(directory);
            var stored = await tier.ListAsync(ObjectKeys.Blobs, token).ToListAsync(token);
            Assert.NotEmpty(stored);
            foreach (var (key, _, _) in stored)
            {
                Assert.True(await Open(directory).VerifyAsync(ObjectKeys.Split(key).Name, token), key);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static TierBlobs Open(string directory) => new(new FolderTier(directory), TimeSpan.FromDays(7), TimeProvider.System);

    private static async Task WriteAndKillAsync(string directory, CancellationToken token)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(KilledWriterTests).Assembly.Location);
        }

        start.ArgumentList.Add("-method");
        start.ArgumentList.Add($"*.{nameof(Put_WriterKilled_NothingHalfIsVisible)}");
        start.Environment[Variable] = directory;
        using var watcher = new FileSystemWatcher(directory) { IncludeSubdirectories = true };
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var seen = 0;
        // The second file in tmp: one blob at least is complete, and another is being written.
        watcher.Created += (_, e) =>
        {
            if (Path.GetFileName(Path.GetDirectoryName(e.FullPath)) == "tmp" && Interlocked.Increment(ref seen) == 2)
            {
                written.TrySetResult();
            }
        };
        Directory.CreateDirectory(Path.Combine(directory, "tmp"));
        watcher.EnableRaisingEvents = true;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(token);
        if (await Task.WhenAny(written.Task, output) == output)
        {
            Assert.Fail($"The writer ended by itself: {await output}");
        }

        process.Kill();
        await process.WaitForExitAsync(token);
    }

    private static async Task WriteForEverAsync(string directory, CancellationToken token)
    {
        var store = Open(directory);
        while (true)
        {
            var bytes = RandomNumberGenerator.GetBytes(8_000_000);
            await store.PutAsync(Convert.ToHexStringLower(SHA256.HashData(bytes)), new MemoryStream(bytes), token);
        }
    }
}
