using Google.Protobuf;
using Grpc.Core;
using Modal.Backend.ControlPlane.Names;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Dicts;

/// <summary>Entries of dicts. Each statement is atomic in both databases, so servers need not know of each other; writers that come at once share the database's commit.</summary>
internal sealed class DictStore(IDatabase database, TimeProvider time)
{
    private const string Live = "dict_id = @id AND used_ms > @dead";

    /// <returns>Null if there is no such dict.</returns>
    public async Task<DictBatchReply?> ExecuteAsync(string environment, DictBatch batch)
    {
        var reads = batch.Operations.All(static o => o.OperationCase is DictOperation.OperationOneofCase.Get or DictOperation.OperationOneofCase.Contains or DictOperation.OperationOneofCase.Length);
        if (!reads)
        {
            return await database.WriteAsync(async c =>
            {
                await using var commands = new BatchCommands(c);
                await AnsweredRequests.ForgetAsync(commands, batch.DictId, batch.FinishedRequestIds);
                if (batch.IsRepeated && await AnsweredRequests.FindAsync(commands, batch.DictId, batch.RequestId) is { } earlier)
                {
                    return DictBatchReply.Parser.ParseFrom(earlier);
                }

                var (reply, _) = await ExecuteAsync(commands, environment, batch);
                if (reply is not null)
                {
                    await AnsweredRequests.AddAsync(commands, batch.DictId, batch.RequestId, reply, NowMs);
                }

                return reply;
            });
        }

        var (answer, stale) = await database.ReadAsync(async c =>
        {
            await using var commands = new BatchCommands(c);
            return await ExecuteAsync(commands, environment, batch);
        });
        if (stale.Count > 0)
        {
            await database.WriteAsync(async c =>
            {
                await using var commands = new BatchCommands(c);
                foreach (var key in stale)
                {
                    await commands.ExecuteAsync("UPDATE dict_entries SET used_ms = @now WHERE dict_id = @id AND key = @key AND used_ms < @now", ("@now", NowMs), ("@id", batch.DictId), ("@key", key));
                }

                return 0;
            });
        }

        return answer;
    }

    /// <returns>Null if there is no such dict.</returns>
    public Task<DictPage?> IterateAsync(string environment, IterateDictRequest request) => database.ReadAsync(async c =>
    {
        await using var commands = new BatchCommands(c);
        if (!await ExistsAsync(commands, environment, request.DictId))
        {
            return null;
        }

        var page = new DictPage();
        var bytes = 0L;
        var columns = request.KeysOnly ? "key" : "key, value";
        await using var command = c.CreateCommand();
#pragma warning disable CA2100 // Constants of this method.
        command.CommandText = $"SELECT {columns} FROM dict_entries WHERE {Live} AND key > @after ORDER BY key LIMIT {DictLimits.MaxPage + 1}";
#pragma warning restore CA2100
        foreach (var (name, value) in (ReadOnlySpan<(string, object)>)[("@id", request.DictId), ("@dead", DeadMs), ("@after", request.AfterKey.ToByteArray())])
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }

        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            if (page.Entries.Count == DictLimits.MaxPage || bytes >= DictLimits.MaxPageBytes)
            {
                page.HasMore = true;
                break;
            }

            var entry = new DictEntry { Key = Bytes(reader, 0), Value = request.KeysOnly ? ByteString.Empty : Bytes(reader, 1) };
            bytes += entry.Key.Length + entry.Value.Length;
            page.Entries.Add(entry);
        }

        return page;
    });

    /// <summary>Removes entries that nobody used for long.</summary>
    public Task<int> RemoveExpiredAsync() => database.WriteAsync(async c =>
    {
        await using var commands = new BatchCommands(c);
        return await commands.ExecuteAsync("DELETE FROM dict_entries WHERE used_ms <= @dead", ("@dead", DeadMs));
    });

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private long DeadMs => NowMs - (long)DictLimits.EntryLifetime.TotalMilliseconds;

    private static ByteString Bytes(System.Data.Common.DbDataReader reader, int column) => UnsafeByteOperations.UnsafeWrap(reader.GetFieldValue<byte[]>(column));

    private static async Task<bool> ExistsAsync(BatchCommands commands, string environment, string id) =>
        await commands.ScalarAsync("SELECT 1 FROM dicts WHERE id = @id AND environment = @environment", ("@id", id), ("@environment", environment)) is not null;

    private async Task<(DictBatchReply? Reply, List<byte[]> Stale)> ExecuteAsync(BatchCommands commands, string environment, DictBatch batch)
    {
        var stale = new List<byte[]>();
        if (!await ExistsAsync(commands, environment, batch.DictId))
        {
            return (null, stale);
        }

        var reply = new DictBatchReply();
        foreach (var operation in batch.Operations)
        {
            reply.Results.Add(operation.OperationCase switch
            {
                DictOperation.OperationOneofCase.Get => await GetAsync(commands, batch.DictId, operation.Get, stale),
                DictOperation.OperationOneofCase.Put => await PutAsync(commands, batch.DictId, operation.Put),
                DictOperation.OperationOneofCase.Pop => await PopAsync(commands, batch.DictId, operation.Pop),
                DictOperation.OperationOneofCase.Contains => new DictResult
                {
                    Found = await commands.ScalarAsync($"SELECT 1 FROM dict_entries WHERE {Live} AND key = @key", ("@id", batch.DictId), ("@dead", DeadMs), ("@key", operation.Contains.ToByteArray())) is not null,
                },
                DictOperation.OperationOneofCase.Length => new DictResult
                {
                    Length = Convert.ToInt64(
                        await commands.ScalarAsync($"SELECT count(*) FROM (SELECT 1 FROM dict_entries WHERE {Live} LIMIT {DictLimits.MaxCounted}) AS counted", ("@id", batch.DictId), ("@dead", DeadMs)), null),
                },
                DictOperation.OperationOneofCase.Clear => new DictResult { Length = await commands.ExecuteAsync("DELETE FROM dict_entries WHERE dict_id = @id", ("@id", batch.DictId)) },
                _ => Refuse("The operation is not known."),
            });
        }

        return (reply, stale);
    }

    private async Task<DictResult> GetAsync(BatchCommands commands, string id, ByteString key, List<byte[]> stale)
    {
        var bytes = key.ToByteArray();
        var found = await commands.QueryAsync(
            $"SELECT value, used_ms FROM dict_entries WHERE {Live} AND key = @key", static r => (Value: Bytes(r, 0), UsedMs: r.GetInt64(1)), ("@id", id), ("@dead", DeadMs), ("@key", bytes));
        if (found is not [var entry])
        {
            return new DictResult { Found = false };
        }

        if (entry.UsedMs < NowMs - (long)DictLimits.UsePrecision.TotalMilliseconds)
        {
            stale.Add(bytes);
        }

        return new DictResult { Value = entry.Value };
    }

    private async Task<DictResult> PutAsync(BatchCommands commands, string id, DictPut put)
    {
        if (Fault(put) is { } fault)
        {
            return Refuse(fault);
        }

        // An entry that has expired is as good as none.
        var sql = "INSERT INTO dict_entries (dict_id, key, value, used_ms) VALUES (@id, @key, @value, @now) "
            + $"ON CONFLICT (dict_id, key) DO UPDATE SET value = excluded.value, used_ms = excluded.used_ms{(put.IfNotExists ? " WHERE dict_entries.used_ms <= @dead" : "")}";
        var written = 0;
        foreach (var entry in put.Entries)
        {
            written += await commands.ExecuteAsync(sql, ("@id", id), ("@key", entry.Key.ToByteArray()), ("@value", entry.Value.ToByteArray()), ("@now", NowMs), ("@dead", DeadMs));
        }

        return new DictResult { Found = written == put.Entries.Count };
    }

    private async Task<DictResult> PopAsync(BatchCommands commands, string id, ByteString key)
    {
        var found = await commands.QueryAsync(
            "DELETE FROM dict_entries WHERE dict_id = @id AND key = @key RETURNING value, used_ms", static r => (Value: Bytes(r, 0), UsedMs: r.GetInt64(1)), ("@id", id), ("@key", key.ToByteArray()));
        return found is [var entry] && entry.UsedMs > DeadMs ? new DictResult { Value = entry.Value } : new DictResult { Found = false };
    }

    private static string? Fault(DictPut put)
    {
        if (put.Entries.Count > DictLimits.MaxEntriesPerPut)
        {
            return $"{put.Entries.Count} entries are put at once; at most {DictLimits.MaxEntriesPerPut} are allowed.";
        }

        foreach (var entry in put.Entries)
        {
            if (entry.Key.Length is 0 or > DictLimits.MaxKeyBytes)
            {
                return $"A key has {entry.Key.Length} bytes when it is encoded; it must have 1 to {DictLimits.MaxKeyBytes}.";
            }

            if (entry.Value.Length > DictLimits.MaxValueBytes)
            {
                return $"A value has {entry.Value.Length} bytes when it is encoded; at most {DictLimits.MaxValueBytes} are allowed. Keep large data in a volume and its path in the dict.";
            }
        }

        return null;
    }

    private static DictResult Refuse(string message) => new() { Error = new OperationError { Code = (int)StatusCode.InvalidArgument, Message = message } };
}
