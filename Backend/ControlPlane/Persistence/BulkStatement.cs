using System.Data.Common;
using System.Globalization;
using System.Text;

namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>One statement for many rows: on PostgreSQL a statement is a round trip.</summary>
internal static class BulkStatement
{
    // Few different texts, so that each is prepared once; SQLite takes 32,766 parameters, PostgreSQL 65,535.
    private const int RowsAtOnce = 64;

    /// <summary>Runs <paramref name="before"/> VALUES (…), (…) <paramref name="after"/>, as often as it takes.</summary>
    /// <param name="connection">In a transaction.</param>
    /// <param name="before">As in <c>INSERT INTO t (a, b)</c>.</param>
    /// <param name="after">As in <c>ON CONFLICT DO NOTHING</c>.</param>
    /// <param name="rows">Values, all with the same number and types of columns; byte[], string, long, int or DBNull.</param>
    /// <param name="read">Called for each row that the statement returns.</param>
    /// <returns>Rows that were changed.</returns>
    public static async Task<int> RunAsync(DbConnection connection, string before, string after, IReadOnlyList<object[]> rows, Action<DbDataReader>? read = null)
    {
        var changed = 0;
        for (var start = 0; start < rows.Count;)
        {
            var count = Math.Min(rows.Count - start, RowsAtOnce);
            // Sizes by powers of two below the full one: a handful of texts.
            count = count == RowsAtOnce ? count : 1 << (31 - int.LeadingZeroCount(count));
            changed += await RunAsync(connection, before, after, rows, start, count, read);
            start += count;
        }

        return changed;
    }

    private static async Task<int> RunAsync(DbConnection connection, string before, string after, IReadOnlyList<object[]> rows, int start, int count, Action<DbDataReader>? read)
    {
        var text = new StringBuilder(before).Append(" VALUES ");
        await using var command = connection.CreateCommand();
        for (var i = 0; i < count; i++)
        {
            text.Append(i > 0 ? ", (" : "(");
            var row = rows[start + i];
            for (var j = 0; j < row.Length; j++)
            {
                var parameter = command.CreateParameter();
                parameter.ParameterName = string.Create(CultureInfo.InvariantCulture, $"@p{i * row.Length + j}");
                parameter.Value = row[j];
                command.Parameters.Add(parameter);
                text.Append(j > 0 ? ", " : "").Append(parameter.ParameterName);
            }

            text.Append(')');
        }

#pragma warning disable CA2100 // Texts of this program; values are parameters.
        command.CommandText = text.Append(' ').Append(after).ToString();
#pragma warning restore CA2100
        if (read is null)
        {
            return await command.ExecuteNonQueryAsync();
        }

        await using var reader = await command.ExecuteReaderAsync();
        var returned = 0;
        for (; await reader.ReadAsync(); returned++)
        {
            read(reader);
        }

        return returned;
    }
}
