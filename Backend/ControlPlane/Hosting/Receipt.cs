namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>Called back when a message has been written, or dropped because nobody will read it, as often as it was posted.</summary>
internal sealed class Receipt(int copies, Action done)
{
    private int _left = copies;

    public void Settle()
    {
        if (Interlocked.Decrement(ref _left) == 0)
        {
            done();
        }
    }
}
