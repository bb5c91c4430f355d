namespace Modal.Backend.Worker.Gpus;

/// <summary>GPUs that are someone's own until this is disposed of.</summary>
internal sealed class GpuLease(IReadOnlyList<Gpu> gpus, Action end) : IDisposable
{
    private Action? _end = end;

    /// <summary>Which.</summary>
    public IReadOnlyList<Gpu> Gpus => gpus;

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
}
