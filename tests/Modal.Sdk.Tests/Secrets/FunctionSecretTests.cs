using Modal.Protocol;
using Modal.Runtime;
using Modal.Sdk.Tests.Fakes;
using Xunit;

namespace Modal.Sdk.Tests.Secrets;

[Collection("client")]
public sealed class FunctionSecretTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Call_FunctionWithSecrets_PutsValuesBesideTheSpec()
    {
        var function = Register("Secrets.Both", Secret.FromDictionary("given", new Dictionary<string, string> { ["TOKEN"] = "hunter2" }), Secret.FromName("api", "dev", "KEY"));
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        Assert.Equal(9, await function.CallAsync(3, Cancel));

        var put = Assert.Single(client.Server.Secrets);
        var spec = Assert.Single(client.Server.Functions);
        Assert.Equal((client.App.Id, "hunter2"), (put.AppId, put.Variables["TOKEN"]));
        Assert.Equal([new SecretReference { SecretId = put.SecretId }, new SecretReference { Name = "api", Environment = "dev", RequiredKeys = { "KEY" } }], spec.Secrets);
        Assert.Equal("api", Assert.Single(client.Server.CheckedSecrets).Name);
        Assert.DoesNotContain("hunter2", spec.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_SecretIsMissing_ThrowsAndAsksForNoContainer()
    {
        var function = Register("Secrets.Missing", Secret.FromName("missing"));
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var error = await Assert.ThrowsAsync<NotFoundException>(() => function.CallAsync(3, Cancel));

        Assert.Equal("There is no secret 'missing'.", error.Message);
        Assert.Empty(client.Server.Functions);
    }

    [Fact]
    public async Task Call_SecretMemberGivesNull_SaysWhich()
    {
        var function = Register("Secrets.Null", Secret.FromName("api"), null);
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => function.CallAsync(3, Cancel));

        Assert.Equal("Secret 2 of 'Secrets.Null' is null: the member that it names must give one.", error.Message);
    }

    [Fact]
    public async Task Call_ImageWithANamedSecret_SendsItsNameToTheBuild()
    {
        var image = Image.DebianSlim().RunCommands(new BuildOptions { Secrets = [Secret.FromName("api", "dev")] }, "true");
        FunctionRegistry.Register(new FunctionDefinition { Name = "Secrets.Image", Assembly = "Modal.Sdk.Tests", Image = () => image, Invoke = static _ => throw new NotSupportedException() });
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        client.Server.Build = static _ => [new BuildEvent { Built = new ImageBuilt { ImageId = "im-0000000000000000000000" } }];

        await new NamedFunction("Secrets.Image").CallAsync(3, Cancel);

        var secret = Assert.Single(Assert.Single(client.Server.Builds).Secrets);
        Assert.Equal(("name:dev/api", "api", "dev", 0), (secret.Name, secret.Reference.Name, secret.Reference.Environment, secret.Variables.Count));
    }

    private static NamedFunction Register(string name, params Secret?[] secrets)
    {
        FunctionRegistry.Register(new FunctionDefinition { Name = name, Assembly = "Modal.Sdk.Tests", Secrets = () => secrets, Invoke = static _ => throw new NotSupportedException() });
        return new NamedFunction(name);
    }

    private sealed class NamedFunction(string name) : Function<int, int>(
        FunctionTarget.Static(name),
        static (ref w, x) =>
        {
            w.WriteArrayHeader(1);
            w.Write(x);
        },
        static (ref r) => r.ReadInt32());
}
