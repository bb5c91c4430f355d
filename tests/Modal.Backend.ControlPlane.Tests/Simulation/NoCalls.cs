using Modal.Backend.ControlPlane.Calls;
using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>Records of functions that have no detached calls.</summary>
internal sealed class NoCalls : ICallStore
{
    public Task<bool[]> AddAsync(FunctionConfiguration? function, string appName, string functionId, IReadOnlyList<CallPart> parts) => throw new NotSupportedException();

    public Task AddResultsAsync(IReadOnlyList<CallResultsRow> results, TimeSpan keep) => throw new NotSupportedException();

    public Task<IReadOnlyList<UnfinishedCall>> ListUnfinishedAsync(string functionId) => Task.FromResult<IReadOnlyList<UnfinishedCall>>([]);
}
