using System.Data.Common;
using Dapper;
using Google.Protobuf;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Calls;

/// <summary>Detached calls in the database. What is written here is on disk when the task completes.</summary>
internal sealed class CallStore(IDatabase database, TimeProvider time) : ICallStore
{
    // A reader gets so many rows of results at once; the rest follow.
    private const int RowsPerRead = 256;

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    public Task<bool[]> AddAsync(FunctionConfiguration? function, string appName, string functionId, IReadOnlyList<CallPart> parts)
    {
        var now = NowMs;
        var calls = parts.Where(static p => p.FirstIndex == 0).Select(p => new object[]
        {
            p.CallId, functionId, (int)CallStatus.Running, p.IsLast ? 1 : 0, (long)p.Inputs.Count, 0L, 0L, now, 0L, 0L,
            p.ParentCallId.Length > 0 ? p.ParentCallId : DBNull.Value, (long)p.ParentIndex, p.ToByteArray(),
        }).ToArray();
        var others = parts.Where(static p => p.FirstIndex > 0).Select(static p => new object[] { p.CallId, (long)p.FirstIndex, p.ToByteArray() }).ToArray();
        var blobs = parts.SelectMany(static p => BlobsOf(p.CallId, p.Inputs.Select(static i => i.Arguments))).ToArray();
        return database.WriteAsync(async c =>
        {
            if (function is not null)
            {
                await c.ExecuteAsync(
                    """
                    INSERT INTO functions (function_id, app_id, app_name, name, spec, code) VALUES (@functionId, @AppId, @appName, @name, @spec, @code)
                    ON CONFLICT (function_id) DO UPDATE SET app_name = excluded.app_name, spec = excluded.spec, code = excluded.code
                    """,
                    new { functionId, function.AppId, appName, name = function.Spec.Name, spec = function.Spec.ToByteArray(), code = function.Code.ToByteArray() });
            }

            var added = new HashSet<(string, ulong)>();
            await BulkStatement.RunAsync(
                c,
                "INSERT INTO calls (call_id, function_id, state, is_complete, inputs, succeeded, failed, created_ms, finished_ms, expires_ms, parent_call_id, parent_index, part)",
                "ON CONFLICT (call_id) DO NOTHING RETURNING call_id", calls, r => added.Add((r.GetString(0), 0)));
            if (others.Length > 0)
            {
                await BulkStatement.RunAsync(
                    c, "INSERT INTO call_parts (call_id, first_index, part)", "ON CONFLICT (call_id, first_index) DO NOTHING RETURNING call_id, first_index",
                    others, r => added.Add((r.GetString(0), (ulong)r.GetInt64(1))));
                foreach (var part in parts.Where(p => p.FirstIndex > 0 && added.Contains((p.CallId, p.FirstIndex))))
                {
                    await c.ExecuteAsync(
                        "UPDATE calls SET inputs = inputs + @count, is_complete = CASE WHEN @last = 1 THEN 1 ELSE is_complete END WHERE call_id = @CallId",
                        new { count = (long)part.Inputs.Count, last = part.IsLast ? 1 : 0, part.CallId });
                }
            }

            await BulkStatement.RunAsync(c, "INSERT INTO call_blobs (call_id, digest)", "ON CONFLICT DO NOTHING", blobs);
            return parts.Select(p => added.Contains((p.CallId, p.FirstIndex))).ToArray();
        });
    }

    public Task AddResultsAsync(IReadOnlyList<CallResultsRow> results, TimeSpan keep)
    {
        var now = NowMs;
        var rows = results.Where(static r => r.Results.Count > 0).Select(static r => new object[] { r.CallId, (long)r.Results[^1].Seq, new CallResults { Results = { r.Results } }.ToByteArray() }).ToArray();
        var states = results.Select(r => new object[]
        {
            r.CallId, (int)r.State, (long)r.Succeeded, (long)r.Failed, r.State == CallStatus.Running ? 0L : now, r.State == CallStatus.Running ? 0L : now + (long)keep.TotalMilliseconds,
        }).ToArray();
        var blobs = results.SelectMany(static r => BlobsOf(r.CallId, r.Results.Select(static o => o.Value))).ToArray();
        return database.WriteAsync(async c =>
        {
            await BulkStatement.RunAsync(c, "INSERT INTO call_results (call_id, seq, results)", "ON CONFLICT DO NOTHING", rows);
            // Both databases name the columns of VALUES so.
            await BulkStatement.RunAsync(
                c,
                "UPDATE calls SET state = v.column2, succeeded = v.column3, failed = v.column4, finished_ms = v.column5, expires_ms = v.column6 FROM (",
                ") AS v WHERE calls.call_id = v.column1", states);
            return await BulkStatement.RunAsync(c, "INSERT INTO call_blobs (call_id, digest)", "ON CONFLICT DO NOTHING", blobs);
        });
    }

    public Task<IReadOnlyList<UnfinishedCall>> ListUnfinishedAsync(string functionId) => database.ReadAsync<IReadOnlyList<UnfinishedCall>>(async c =>
    {
        var calls = new List<UnfinishedCall>();
        foreach (var row in await c.QueryAsync<CallRow>("SELECT * FROM calls WHERE function_id = @functionId AND state = 1 ORDER BY created_ms", new { functionId }))
        {
            var parts = new List<CallPart> { CallPart.Parser.ParseFrom(row.part) };
            if ((ulong)row.inputs > (ulong)parts[0].Inputs.Count)
            {
                parts.AddRange((await c.QueryAsync<byte[]>("SELECT part FROM call_parts WHERE call_id = @call_id ORDER BY first_index", new { row.call_id })).Select(CallPart.Parser.ParseFrom));
            }

            var done = new HashSet<ulong>();
            ulong seq = 0;
            foreach (var results in await c.QueryAsync<byte[]>("SELECT results FROM call_results WHERE call_id = @call_id ORDER BY seq", new { row.call_id }))
            {
                foreach (var result in CallResults.Parser.ParseFrom(results).Results)
                {
                    done.Add(result.Index);
                    seq = result.Seq;
                }
            }

            calls.Add(new UnfinishedCall(
                row.call_id, (ulong)row.inputs, row.is_complete == 1, seq, (ulong)row.succeeded, (ulong)row.failed,
                [.. parts.SelectMany(static p => p.Inputs.Select((input, i) => (Index: p.FirstIndex + (ulong)i, Input: input))).Where(i => !done.Contains(i.Index))]));
        }

        return calls;
    });

    /// <summary>Functions with calls that are not finished.</summary>
    public Task<IReadOnlyList<StoredFunction>> ListFunctionsAsync() => database.ReadAsync<IReadOnlyList<StoredFunction>>(static async c =>
    [
        .. (await c.QueryAsync<FunctionRow>("SELECT app_id, app_name, spec, code FROM functions WHERE function_id IN (SELECT function_id FROM calls WHERE state = 1)"))
            .Select(static r => new StoredFunction(r.app_id, r.app_name, FunctionSpec.Parser.ParseFrom(r.spec), CodeVersion.Parser.ParseFrom(r.code))),
    ]);

    /// <summary>How a call stands and the next of its results; null if it is not known.</summary>
    public Task<(CallInfo Info, IReadOnlyList<CallResult> Results, bool HasMore)?> ReadAsync(string callId, ulong after) =>
        database.ReadAsync<(CallInfo, IReadOnlyList<CallResult>, bool)?>(async c =>
        {
            // In this order: results that are written between the two are read with the next call, and what says that the call is finished has all of them.
            if (await FindAsync(c, callId) is not { } info)
            {
                return null;
            }

            var rows = (await c.QueryAsync<byte[]>(
                "SELECT results FROM call_results WHERE call_id = @callId AND seq > @after ORDER BY seq LIMIT @limit", new { callId, after = (long)after, limit = RowsPerRead })).AsList();
            // A row may have results that the reader had before it was cut off.
            var results = rows.SelectMany(static r => CallResults.Parser.ParseFrom(r).Results).Where(r => r.Seq > after).ToArray();
            return (info, results, rows.Count == RowsPerRead);
        });

    /// <summary>Null if it is not known.</summary>
    public Task<CallInfo?> FindAsync(string callId, bool withChildren) => database.ReadAsync(async c =>
    {
        var info = await FindAsync(c, callId);
        if (info is not null && withChildren)
        {
            await AddChildrenAsync(c, info, depth: 0);
        }

        return info;
    });

    public Task<IReadOnlyList<CallInfo>> ListAsync(ListCallsRequest request) => database.ReadAsync<IReadOnlyList<CallInfo>>(async c =>
    [
        .. (await c.QueryAsync<CallRow>(
            $"""
            {Select} WHERE (@AppId = '' OR f.app_id = @AppId) AND (@FunctionId = '' OR c.function_id = @FunctionId) AND (@unfinished = 0 OR c.state = 1) AND c.created_ms < @before
            ORDER BY c.created_ms DESC LIMIT @limit
            """,
            new
            {
                request.AppId,
                request.FunctionId,
                unfinished = request.Unfinished ? 1 : 0,
                before = request.BeforeMs > 0 ? request.BeforeMs : long.MaxValue,
                limit = request.Limit > 0 ? request.Limit : 100,
            })).Select(ToInfo),
    ]);

    /// <summary>Forgets results whose time is over, some at a time; that they expired stays known for as long again.</summary>
    /// <returns>How many calls were touched.</returns>
    public Task<int> ExpireAsync(TimeSpan keep)
    {
        const int AtOnce = 1000;
        var now = NowMs;
        var forget = now - (long)keep.TotalMilliseconds;
        return database.WriteAsync(async c =>
        {
            var expired = (await c.QueryAsync<string>("SELECT call_id FROM calls WHERE expires_ms > 0 AND expires_ms <= @now AND state <> 4 LIMIT @AtOnce", new { now, AtOnce })).AsList();
            foreach (var callId in expired)
            {
                foreach (var table in (string[])["call_results", "call_parts", "call_blobs"])
                {
                    await c.ExecuteAsync($"DELETE FROM {table} WHERE call_id = @callId", new { callId });
                }

                await c.ExecuteAsync("UPDATE calls SET state = 4, part = NULL WHERE call_id = @callId", new { callId });
            }

            return expired.Count + await c.ExecuteAsync(
                "DELETE FROM calls WHERE call_id IN (SELECT call_id FROM calls WHERE expires_ms > 0 AND expires_ms <= @forget AND state = 4 LIMIT @AtOnce)", new { forget, AtOnce });
        });
    }

    /// <summary>Digests of the blobs that inputs and results name.</summary>
    public Task<IReadOnlyList<string>> ListBlobsAsync() =>
        database.ReadAsync<IReadOnlyList<string>>(static async c => [.. await c.QueryAsync<string>("SELECT DISTINCT digest FROM call_blobs")]);

    private const string Select = "SELECT c.*, f.app_id, f.name FROM calls c JOIN functions f ON f.function_id = c.function_id";

    private static async Task<CallInfo?> FindAsync(DbConnection connection, string callId) =>
        await connection.QuerySingleOrDefaultAsync<CallRow>($"{Select} WHERE c.call_id = @callId", new { callId }) is { } row ? ToInfo(row) : null;

    private static async Task AddChildrenAsync(DbConnection connection, CallInfo info, int depth)
    {
        // A recursion may be as deep as it likes; who looks at it wants the top.
        const int MaxDepth = 32;
        const int MaxChildren = 1000;
        foreach (var row in await connection.QueryAsync<CallRow>($"{Select} WHERE c.parent_call_id = @CallId ORDER BY c.created_ms LIMIT @MaxChildren", new { info.CallId, MaxChildren }))
        {
            var child = ToInfo(row);
            info.Children.Add(child);
            if (depth < MaxDepth)
            {
                await AddChildrenAsync(connection, child, depth + 1);
            }
        }
    }

    private static IEnumerable<object[]> BlobsOf(string callId, IEnumerable<Payload?> payloads) => payloads
        .Where(static p => p?.ContentCase == Payload.ContentOneofCase.BlobDigest).Select(static p => p!.BlobDigest).Distinct(StringComparer.Ordinal).Select(d => new object[] { callId, d });

    private static CallInfo ToInfo(CallRow row) => new()
    {
        CallId = row.call_id,
        AppId = row.app_id,
        FunctionId = row.function_id,
        FunctionName = row.name,
        Status = (CallStatus)row.state,
        Inputs = (ulong)row.inputs,
        Succeeded = (ulong)row.succeeded,
        Failed = (ulong)row.failed,
        CreatedMs = row.created_ms,
        FinishedMs = row.finished_ms,
        ExpiresMs = row.expires_ms,
        ParentCallId = row.parent_call_id ?? "",
        ParentIndex = (ulong)row.parent_index,
    };

#pragma warning disable IDE1006, CA1812 // Names of columns; made by Dapper.
    private sealed class CallRow
    {
        public string call_id { get; init; } = "";

        public string function_id { get; init; } = "";

        public int state { get; init; }

        public int is_complete { get; init; }

        public long inputs { get; init; }

        public long succeeded { get; init; }

        public long failed { get; init; }

        public long created_ms { get; init; }

        public long finished_ms { get; init; }

        public long expires_ms { get; init; }

        public string? parent_call_id { get; init; }

        public long parent_index { get; init; }

        public byte[]? part { get; init; }

        public string app_id { get; init; } = "";

        public string name { get; init; } = "";
    }

    private sealed class FunctionRow
    {
        public string app_id { get; init; } = "";

        public string app_name { get; init; } = "";

        public byte[] spec { get; init; } = [];

        public byte[] code { get; init; } = [];
    }
#pragma warning restore IDE1006, CA1812
}
