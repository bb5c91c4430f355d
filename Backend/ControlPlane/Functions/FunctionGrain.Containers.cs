using Modal.Backend.ControlPlane.Hosting;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>Streams that code in containers opened.</content>
internal sealed partial class FunctionGrain
{
    public Task CloseStreamAsync(string streamId)
    {
        if (_core is null || !_streams.ContainsKey(streamId))
        {
            return Task.CompletedTask;
        }

        CloseStream(streamId);
        _core.CloseStream(streamId, _clock.NowMs);
        return AfterTurn();
    }

    // The app's client sees what all of its containers print; code in a container that called for them prints nothing of it.
    private void PostToApp(Output output, Receipt receipt)
    {
        if (_apps.TryGet(_configuration!.AppId, out var app))
        {
            app.Post(new AppEvent { Output = output }, receipt);
        }
        else
        {
            receipt.Settle();
        }
    }
}
