using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.Store.Blobs;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Calls;

/// <summary>Checks requests about detached calls.</summary>
internal static class CallChecks
{
    // What is larger travels as a blob: a million of these may wait in memory.
    private const int MaxInlineBytes = 1024 * 1024;
    private const int MaxInputs = 10_000;

    public static void Check(PutCallsRequest request)
    {
        var faults = new List<string>();
        RequestChecks.Require(faults, Id.IsValid(request.AppId, Id.App), "app_id", request.AppId, "an id with the prefix ap-");
        RequestChecks.Require(faults, Id.IsValid(request.FunctionId, Id.Function), "function_id", request.FunctionId, "an id with the prefix fn-");
        RequestChecks.Require(faults, request.Parts.Count > 0, "parts", 0, "at least one");
        var inputs = request.Parts.Sum(static p => p.Inputs.Count);
        RequestChecks.Require(faults, inputs <= MaxInputs, "parts.inputs", inputs, "at most 10,000 in one request");
        foreach (var part in request.Parts)
        {
            RequestChecks.Require(faults, Id.IsValid(part.CallId, Id.Call), "parts.call_id", part.CallId, "an id with the prefix fc-");
            RequestChecks.Require(faults, part.ParentCallId.Length == 0 || Id.IsValid(part.ParentCallId, Id.Call), "parts.parent_call_id", part.ParentCallId, "empty or an id with the prefix fc-");
            if (part.Inputs.FirstOrDefault(static i => !IsValid(i)) is { } wrong)
            {
                RequestChecks.Require(faults, false, "parts.inputs", $"method {wrong.Method}", "arguments in MessagePack, at most 1 MiB of them inline, else a digest");
            }

            if (faults.Count > 0)
            {
                break;
            }
        }

        RequestChecks.ThrowIfAny(faults);
    }

    public static void Check(ListCallsRequest request)
    {
        var faults = new List<string>();
        RequestChecks.Require(faults, request.Limit is >= 0 and <= 1000, "limit", request.Limit, "from 0 to 1,000");
        RequestChecks.ThrowIfAny(faults);
    }

    private static bool IsValid(DetachedInput input) => input.Method >= 0 && input.Arguments is { Format: PayloadFormat.Messagepack } arguments && arguments.Inline.Length <= MaxInlineBytes
        && (arguments.ContentCase != Payload.ContentOneofCase.BlobDigest || BlobDigest.IsValid(arguments.BlobDigest));
}
