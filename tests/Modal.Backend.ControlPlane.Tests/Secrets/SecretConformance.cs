using System.Runtime.Versioning;
using System.Text;
using Dapper;
using Modal.Backend.ControlPlane.Secrets;
using Modal.Backend.ControlPlane.Tests.Names;
using Modal.Backend.ControlPlane.Tests.Persistence;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Secrets;

/// <summary>Secrets in every database.</summary>
public abstract class SecretConformance : NamesTestBase
{
    private static readonly Dictionary<string, string> s_values = new() { ["TOKEN"] = "hunter2-hunter2", ["URL"] = "x" };

    [Fact]
    public async Task ResolveAsync_Named_HasItsVariables()
    {
        await Secrets().WriteAsync("main", "api", s_values, SecretWrite.Create);

        var found = await Secrets().ResolveAsync("", [new SecretReference { Name = "api", RequiredKeys = { "TOKEN" } }]);

        Assert.Equal(s_values, found);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public async Task WriteAsync_Create_NothingIsInTheDatabaseInTheClear()
    {
        await Secrets().WriteAsync("main", "api", s_values, SecretWrite.Create);

        var bytes = await Database.ReadAsync(static c => c.QuerySingleAsync<byte[]>("SELECT sealed FROM secrets"));
        Assert.DoesNotContain("hunter2", Encoding.Latin1.GetString(bytes), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Folder, "secrets.key")));
    }

    [Fact]
    public async Task WriteAsync_ThereAlready_IsRefusedReplacedOrMerged()
    {
        var store = Secrets();
        var id = await store.WriteAsync("main", "api", s_values, SecretWrite.Create);

        Assert.Null(await store.WriteAsync("main", "api", s_values, SecretWrite.Create));
        Assert.Equal(id, await store.WriteAsync("main", "api", new Dictionary<string, string> { ["URL"] = "y" }, SecretWrite.Merge));
        Assert.Equal(["TOKEN", "URL"], (await store.ListAsync("main")).Single().Keys);
        Assert.Equal("y", (await store.ResolveAsync("", [new SecretReference { Name = "api" }]))["URL"]);
        await store.WriteAsync("main", "api", new Dictionary<string, string> { ["OTHER"] = "z" }, SecretWrite.Replace);
        Assert.Equal(["OTHER"], (await store.ListAsync("main")).Single().Keys);
    }

    [Fact]
    public async Task ResolveAsync_OfAnotherEnvironment_IsMissing()
    {
        await Secrets().WriteAsync("dev", "api", s_values, SecretWrite.Create);

        var error = await Assert.ThrowsAsync<SecretException>(() => Secrets().ResolveAsync("", [new SecretReference { Name = "api" }]));

        Assert.True(error.IsMissing);
        Assert.Equal("There is no secret 'api' in the environment 'main'. Create it with Secret.CreateAsync.", error.Message);
        Assert.Equal(2, (await Secrets().ResolveAsync("", [new SecretReference { Name = "api", Environment = "dev" }])).Count);
    }

    [Fact]
    public async Task ResolveAsync_KeyMissing_NamesTheKeysAndNoValues()
    {
        await Secrets().WriteAsync("main", "api", s_values, SecretWrite.Create);

        var error = await Assert.ThrowsAsync<SecretException>(() => Secrets().ResolveAsync("", [new SecretReference { Name = "api", RequiredKeys = { "TOKEN", "USER", "HOST" } }]));

        Assert.Equal("The secret 'api' in the environment 'main' has no 'USER', 'HOST', which the function requires: add what is missing to it.", error.Message);
    }

    [Fact]
    public async Task ResolveAsync_Several_LastCounts()
    {
        var (app, id) = (Id.New(Id.App), Id.New(Id.Secret));
        await Secrets().WriteAsync("main", "api", s_values, SecretWrite.Create);
        await Secrets().PutForAppAsync("main", app, id, new Dictionary<string, string> { ["URL"] = "mine" });

        var found = await Secrets().ResolveAsync(app, [new SecretReference { Name = "api" }, new SecretReference { SecretId = id }]);

        Assert.Equal(("hunter2-hunter2", "mine"), (found["TOKEN"], found["URL"]));
    }

    [Fact]
    public async Task PutForAppAsync_AppEnded_IsGoneAndWasNeverAnothers()
    {
        var (app, id) = (Id.New(Id.App), Id.New(Id.Secret));
        await Secrets().PutForAppAsync("main", app, id, s_values);

        await Assert.ThrowsAsync<SecretException>(() => Secrets().ResolveAsync(Id.New(Id.App), [new SecretReference { SecretId = id }]));
        Assert.Empty(await Secrets().ListAsync("main"));
        await Secrets().RemoveOfAppAsync(app);
        await Assert.ThrowsAsync<SecretException>(() => Secrets().ResolveAsync(app, [new SecretReference { SecretId = id }]));
    }

    [Fact]
    public async Task ResolveAsync_BytesOfAnotherSecret_AreRefused()
    {
        await Secrets().WriteAsync("main", "api", s_values, SecretWrite.Create);
        await Secrets().WriteAsync("main", "other", new Dictionary<string, string> { ["TOKEN"] = "of another" }, SecretWrite.Create);
        await Database.WriteAsync(static c => c.ExecuteAsync("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'other') WHERE name = 'api'"));

        var error = await Assert.ThrowsAsync<SecretException>(() => Secrets().ResolveAsync("", [new SecretReference { Name = "api" }]));

        Assert.StartsWith("The secret 'api' cannot be opened with the key ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ResolveAsync_AnotherKey_SaysSo()
    {
        await Secrets().WriteAsync("main", "api", s_values, SecretWrite.Create);

        var error = await Assert.ThrowsAsync<SecretException>(() => Secrets("another.key").ResolveAsync("", [new SecretReference { Name = "api" }]));

        Assert.Contains("another.key: it was sealed with another.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeleteAsync_There_IsGone()
    {
        await Secrets().WriteAsync("main", "api", s_values, SecretWrite.Create);

        Assert.True(await Secrets().DeleteAsync("main", "api"));
        Assert.False(await Secrets().DeleteAsync("main", "api"));
        Assert.Empty(await Secrets().ListAsync("main"));
    }

    [Fact]
    public void Fingerprint_OtherValues_DiffersAndIsStableForEqualOnes()
    {
        var store = Secrets();

        Assert.Equal(store.Fingerprint(s_values), Secrets().Fingerprint(s_values.Reverse().ToDictionary()));
        Assert.NotEqual(store.Fingerprint(s_values), store.Fingerprint(new Dictionary<string, string> { ["TOKEN"] = "hunter2-hunter3", ["URL"] = "x" }));
        Assert.NotEqual(store.Fingerprint(s_values), Secrets("another.key").Fingerprint(s_values));
    }
}

public sealed class SqliteSecretTests : SecretConformance
{
    protected override Task<string> CreateAsync() => Task.FromResult($"sqlite:{Folder}/server.db");
}

public sealed class PostgresSecretTests(PostgresServer server) : SecretConformance, IClassFixture<PostgresServer>
{
    protected override Task<string> CreateAsync() => server.CreateAsync();
}
