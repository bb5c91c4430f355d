using System.Reflection;
using DbUp.Builder;

namespace Modal.Backend.ControlPlane.Persistence;

/// <summary>Brings a database up to date by the numbered scripts in <c>Schema</c>. A script that was released is never changed.</summary>
internal static class Migration
{
    private const string Scripts = "Modal.Backend.ControlPlane.Persistence.Schema.";

    /// <param name="database">Which.</param>
    /// <param name="blobType">The type of a column of bytes, <c>$blob$</c> in scripts.</param>
    /// <exception cref="DatabaseException">A script failed.</exception>
    public static void Run(UpgradeEngineBuilder database, string blobType)
    {
        var result = database
            .WithScriptsEmbeddedInAssembly(Assembly.GetExecutingAssembly(), static name => name.StartsWith(Scripts, StringComparison.Ordinal))
            .WithVariable("blob", blobType)
            .WithTransactionPerScript()
            .LogToNowhere()
            .Build()
            .PerformUpgrade();
        if (!result.Successful)
        {
            throw new DatabaseException($"The server's database could not be brought up to date: {result.Error.Message}", result.Error);
        }
    }
}
