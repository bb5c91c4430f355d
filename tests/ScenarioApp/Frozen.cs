namespace Modal.ScenarioApp;

/// <summary>A service that takes 3 s to load 500 MB, once.</summary>
[Service(MemoryMiB = 1024, ScaledownWindowSeconds = 2, MaxContainers = 10)]
public sealed partial class Frozen(int megabytes = 500)
{
    private readonly List<byte[]> _blocks = [];
    private string _loadedIn = "";

    [Enter(Snapshot = true)]
    public async Task LoadAsync()
    {
        await Task.Delay(3000);
        for (var i = 0; i < megabytes; i++)
        {
            var block = new byte[1024 * 1024];
            for (var b = 0; b < block.Length; b++)
            {
                block[b] = (byte)((b >> 6) * (i + 1));
            }

            _blocks.Add(block);
        }

        _loadedIn = Environment.GetEnvironmentVariable("MODAL_CONTAINER_ID") ?? "";
    }

    /// <summary>How much is there, its sum, where it was loaded, and where this runs.</summary>
    [Function]
    public async Task<string> DescribeAsync(int milliseconds)
    {
        await Task.Delay(milliseconds);
        return $"{_blocks.Count} {_blocks.Sum(block => (long)block[^1])} {_loadedIn} {Environment.GetEnvironmentVariable("MODAL_CONTAINER_ID")}";
    }
}
