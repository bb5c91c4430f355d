using Google.Protobuf;
using Modal.Apps;
using Modal.Protocol;

namespace Modal.Calls;

/// <summary>One call's way to its function: the stream of the app that was current when the call began.</summary>
internal readonly struct FunctionChannel
{
    private readonly AppSession _session;

    public FunctionChannel(FunctionTarget target)
    {
        Name = target.Name;
        _session = App.SessionOf(target);
        (Stream, Method) = _session.StreamFor(target);
        Call = Stream.NewCall();
    }

    public string Name { get; }

    public FunctionStream Stream { get; }

    public int Method { get; }

    public ulong Call { get; }

    public Terminal.RemoteConsole Console => _session.Console;

    public async ValueTask<Payload> ToPayloadAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken, int maxInlineBytes = BlobTransfer.MaxInlineBytes)
    {
        if (bytes.Length <= maxInlineBytes)
        {
            return new Payload { Format = PayloadFormat.Messagepack, SizeBytes = bytes.Length, Inline = UnsafeByteOperations.UnsafeWrap(bytes) };
        }

        var transfer = await _session.TransferAsync(cancellationToken).ConfigureAwait(false);
        return await transfer.ToPayloadAsync(bytes, cancellationToken, maxInlineBytes).ConfigureAwait(false);
    }

    public async ValueTask<ReadOnlyMemory<byte>> ReadBlobAsync(Payload payload, CancellationToken cancellationToken) =>
        await (await _session.TransferAsync(cancellationToken).ConfigureAwait(false)).ReadAsync(payload, cancellationToken).ConfigureAwait(false);
}
