using Modal.Protocol;

namespace Modal.Calls;

/// <summary>One input of a Map. Its result goes to the Map as a whole, so that an input costs no task of its own.</summary>
internal sealed class MapInput(ulong call, ulong index, int method, Payload arguments, MapResults results) : PendingInput(call, index, method, arguments)
{
    public override bool OnResult(CallResult result)
    {
        results.Add(result);
        return true;
    }

    public override void OnAbandoned(Exception reason) => results.Fail(reason);
}
