using System.Data.Common;

namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>Commands of one transaction that run many times with other values: each statement is prepared once.</summary>
internal sealed class BatchCommands(DbConnection connection) : IAsyncDisposable
{
    private readonly Dictionary<string, DbCommand> _commands = new(StringComparer.Ordinal);

    /// <returns>How many rows were changed.</returns>
    public Task<int> ExecuteAsync(string sql, params ReadOnlySpan<(string Name, object Value)> values) => Command(sql, values).ExecuteNonQueryAsync();

    /// <returns>The first column of the first row; null if there is none.</returns>
    public async Task<object?> ScalarAsync(string sql, params (string Name, object Value)[] values) => await Command(sql, values).ExecuteScalarAsync() is { } value and not DBNull ? value : null;

    public async Task<List<T>> QueryAsync<T>(string sql, Func<DbDataReader, T> read, params (string Name, object Value)[] values)
    {
        var rows = new List<T>();
        await using var reader = await Command(sql, values).ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var command in _commands.Values)
        {
            await command.DisposeAsync();
        }
    }

    private DbCommand Command(string sql, ReadOnlySpan<(string Name, object Value)> values)
    {
        if (!_commands.TryGetValue(sql, out var command))
        {
            command = connection.CreateCommand();
#pragma warning disable CA2100 // Statements are constants of their callers; values are parameters.
            command.CommandText = sql;
#pragma warning restore CA2100
            foreach (var (name, _) in values)
            {
                var parameter = command.CreateParameter();
                parameter.ParameterName = name;
                command.Parameters.Add(parameter);
            }

            _commands.Add(sql, command);
        }

        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i].Value;
        }

        return command;
    }
}
