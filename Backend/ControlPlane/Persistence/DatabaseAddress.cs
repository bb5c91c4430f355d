using Npgsql;

namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>Databases by a line of text, as settings have them.</summary>
internal static class DatabaseAddress
{
    private const string Sqlite = "sqlite:";
    private const string Postgres = "postgresql://";

    /// <summary>Opens the database; made or brought up to date.</summary>
    /// <param name="text"><c>sqlite:/path</c>, or <c>postgresql://user@host:port/database</c>. A password is taken from the variable PGPASSWORD or from ~/.pgpass: others can read command lines.</param>
    /// <exception cref="ArgumentException">It is neither.</exception>
    /// <exception cref="DatabaseException">It cannot be opened.</exception>
    public static IDatabase Open(string text)
    {
        if (text.StartsWith(Sqlite, StringComparison.Ordinal) && Path.IsPathFullyQualified(text[Sqlite.Length..]))
        {
            return SqliteDatabase.Open(text[Sqlite.Length..]);
        }

        return text.StartsWith(Postgres, StringComparison.Ordinal) && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.AbsolutePath.Length > 1
            ? PostgresDatabase.Open(ConnectionString(uri))
            : throw new ArgumentException($"The database is '{text}'; it must be sqlite:/path or postgresql://user@host:port/database.");
    }

    private static string ConnectionString(Uri uri)
    {
        var user = uri.UserInfo.Split(':', 2);
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = uri.Host,
            Port = uri.IsDefaultPort ? NpgsqlConnection.DefaultPort : uri.Port,
            Database = Uri.UnescapeDataString(uri.AbsolutePath[1..]),
            MaxAutoPrepare = 50,
            // PostgreSQL takes 100 connections in all unless told otherwise, and several servers share them.
            MaxPoolSize = 20,
        };
        if (user[0].Length > 0)
        {
            builder.Username = Uri.UnescapeDataString(user[0]);
        }

        if (user.Length > 1)
        {
            builder.Password = Uri.UnescapeDataString(user[1]);
        }

        return builder.ToString();
    }
}
