using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Calls;

/// <summary>What a function needs of the records of its detached calls. What is written here is on disk when the task completes.</summary>
internal interface ICallStore
{
    /// <summary>Stores inputs, and their function if it is new or another than last time.</summary>
    /// <param name="function">Null if it is stored already.</param>
    /// <param name="appName">The name of its app; of no use without the function.</param>
    /// <param name="functionId">Its id.</param>
    /// <param name="parts">What to store. Parts of calls that do not exist begin at index 0.</param>
    /// <returns>Whether each part is new; others were stored before.</returns>
    Task<bool[]> AddAsync(FunctionConfiguration? function, string appName, string functionId, IReadOnlyList<CallPart> parts);

    /// <summary>Stores results, and where that makes an end, that the call is finished.</summary>
    /// <param name="results">Of each call: its results, numbered, and how the call stands with them.</param>
    /// <param name="keep">How long results of finished calls stay.</param>
    Task AddResultsAsync(IReadOnlyList<CallResultsRow> results, TimeSpan keep);

    /// <summary>The calls of a function that are not finished, with their inputs that have no result.</summary>
    Task<IReadOnlyList<UnfinishedCall>> ListUnfinishedAsync(string functionId);
}

/// <param name="CallId">The call.</param>
/// <param name="Results">New ones, numbered within the call.</param>
/// <param name="State">How it stands with them.</param>
/// <param name="Succeeded">In all.</param>
/// <param name="Failed">In all.</param>
internal sealed record CallResultsRow(string CallId, IReadOnlyList<CallResult> Results, CallStatus State, ulong Succeeded, ulong Failed);

/// <param name="CallId">The call.</param>
/// <param name="Inputs">How many it has.</param>
/// <param name="IsComplete">No more follow.</param>
/// <param name="Seq">Number of its last result.</param>
/// <param name="Succeeded">Of these.</param>
/// <param name="Failed">Of these.</param>
/// <param name="Open">Inputs without a result.</param>
internal sealed record UnfinishedCall(string CallId, ulong Inputs, bool IsComplete, ulong Seq, ulong Succeeded, ulong Failed, IReadOnlyList<(ulong Index, DetachedInput Input)> Open);

[GenerateSerializer, Immutable]
internal sealed record StoredFunctions([property: Id(0)] IReadOnlyList<StoredFunction> Functions);

[GenerateSerializer, Immutable]
internal sealed record StoredFunction([property: Id(0)] string AppId, [property: Id(1)] string AppName, [property: Id(2)] FunctionSpec Spec, [property: Id(3)] CodeVersion Code);
