namespace Modal.Sdk.Tests.Fakes;

/// <summary>A fake server and an app on it. The variable that names the server is the process's, so tests that use this run one after another.</summary>
internal sealed class ClientHarness(FakeServer server, App app) : IAsyncDisposable
{
    public FakeServer Server => server;

    public App App => app;

    public static async Task<ClientHarness> StartAsync(FakeServer server)
    {
        await server.StartAsync();
        Environment.SetEnvironmentVariable("MODAL_SERVER_URL", server.Url);
        return new ClientHarness(server, await App.RunAsync("test"));
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        await server.DisposeAsync();
    }
}
