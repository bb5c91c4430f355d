using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Modal.Protocol;

namespace Modal.Calls;

/// <summary>One Map: pulls arguments as the window allows, sends them, and gives their results as they come or in order.</summary>
internal sealed class MapOperation<TArgument>(FunctionTarget target, PayloadEncoder<TArgument> encode)
{
    // As many as the reference product keeps outstanding for one map; enough to keep hundreds of containers busy.
    private const int Window = 1000;

    /// <summary>Results with their positions. Ending the enumeration early cancels what has not finished.</summary>
    public async IAsyncEnumerable<CallResult> RunAsync(
        FunctionChannel channel, IAsyncEnumerable<TArgument> arguments, bool ordered, long? total, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var results = new MapResults(Window);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var progress = channel.Console.StartProgress(target.Name, total, results);
        var send = Task.Run(() => SendAsync(channel, arguments, results, stop.Token), CancellationToken.None);
        var finished = false;
        try
        {
            var early = new Dictionary<ulong, CallResult>();
            var next = 0UL;
            while (await results.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                while (results.Reader.TryRead(out var result))
                {
                    if (!ordered)
                    {
                        results.ReturnPermit();
                        yield return result;
                        continue;
                    }

                    early.Add(result.Index, result);
                    while (early.Remove(next, out var inOrder))
                    {
                        next++;
                        results.ReturnPermit();
                        yield return inOrder;
                    }
                }
            }

            finished = true;
        }
        finally
        {
            if (!finished)
            {
                await stop.CancelAsync().ConfigureAwait(false);
            }

            // The argument's iterator is the caller's code: it must not run on after the enumeration has ended.
            await send.ConfigureAwait(false);
            if (!finished)
            {
                channel.Stream.Cancel(channel.Call);
            }
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever the arguments' iterator throws belongs to the consumer of the results.")]
    private async Task SendAsync(FunctionChannel channel, IAsyncEnumerable<TArgument> arguments, MapResults results, CancellationToken cancellationToken)
    {
        try
        {
            var index = 0UL;
            await foreach (var argument in arguments.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                var payload = await channel.ToPayloadAsync(Payloads.Encode(encode, argument, channel.Name), cancellationToken).ConfigureAwait(false);
                results.OnSent();
                channel.Stream.Send(new MapInput(channel.Call, index++, channel.Method, payload, results));
                // Before the next argument is asked for: nothing is pulled that could not be sent.
                await results.WaitForPermitAsync(cancellationToken).ConfigureAwait(false);
            }

            results.AllSent();
        }
        catch (Exception e)
        {
            results.Fail(e);
        }
    }
}
