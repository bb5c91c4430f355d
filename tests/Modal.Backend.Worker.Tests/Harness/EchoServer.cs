using System.Collections.Concurrent;
using System.IO.Pipelines;

namespace Modal.Backend.Worker.Tests.Harness;

/// <summary>In place of a server: takes the preface of each connection, and sends back what follows it.</summary>
internal sealed class EchoServer
{
    private readonly TaskCompletionSource<Task> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The first lines of the connections so far.</summary>
    public ConcurrentQueue<string> Prefaces { get; } = new();

    /// <summary>One for each connection, ended with it.</summary>
    public ConcurrentQueue<Task> Connections { get; } = new();

    /// <summary>True: what comes is taken and nothing is sent back.</summary>
    public bool Holds { get; set; }

    /// <summary>The first connection, which itself ends when it is over.</summary>
    public Task<Task> FirstConnection => _first.Task;

    /// <summary>Set to refuse connections with it.</summary>
    public Exception? Refusal { get; set; }

    public ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        if (Refusal is not null)
        {
            return ValueTask.FromException<Stream>(Refusal);
        }

        var (up, down) = (new Pipe(), new Pipe());
        var connection = Task.Run(() => EchoAsync(up.Reader, down.Writer), CancellationToken.None);
        Connections.Enqueue(connection);
        _first.TrySetResult(connection);
        return new(new TwoPipes(down.Reader.AsStream(), up.Writer.AsStream()));
    }

    private async Task EchoAsync(PipeReader input, PipeWriter output)
    {
        using var from = input.AsStream();
        using var to = output.AsStream();
        var line = new List<byte>();
        for (int b; (b = from.ReadByte()) is not -1 and not '\n';)
        {
            line.Add((byte)b);
        }

        Prefaces.Enqueue(System.Text.Encoding.ASCII.GetString([.. line]));
        try
        {
            await from.CopyToAsync(Holds ? Stream.Null : to);
        }
        catch (InvalidOperationException)
        {
            // The worker has closed its end, and with it the reading of ours.
        }
    }

    private sealed class TwoPipes(Stream input, Stream output) : Stream
    {
        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => input.ReadAsync(buffer, cancellationToken);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => output.WriteAsync(buffer, cancellationToken);

        public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);

        public override void Flush() => output.Flush();

        public override int Read(byte[] buffer, int offset, int count) => input.Read(buffer, offset, count);

        public override void Write(byte[] buffer, int offset, int count) => output.Write(buffer, offset, count);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            input.Dispose();
            output.Dispose();
            base.Dispose(disposing);
        }
    }
}
