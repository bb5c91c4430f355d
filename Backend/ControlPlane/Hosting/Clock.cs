namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>Milliseconds since the process began to count: never falls, whatever is done to the machine's clock.</summary>
internal sealed class Clock(TimeProvider time)
{
    private readonly long _origin = time.GetTimestamp();

    public long NowMs => (long)time.GetElapsedTime(_origin).TotalMilliseconds;

    public long UnixMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    public TimeProvider Time => time;
}
