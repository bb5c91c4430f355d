using System.IO.Compression;
using System.Net;
using System.Text;

namespace Modal.Scenarios.Harness;

/// <summary>A Python package index (PEP 503) on this machine, with one package that it makes itself.</summary>
internal sealed class PackageIndex : IDisposable
{
    private const string Wheel = "modal_scenario_package-1.2-py3-none-any.whl";

    private readonly HttpListener _listener = new();
    private readonly byte[] _wheel = MakeWheel();

    private PackageIndex(int port)
    {
        Url = $"http://127.0.0.1:{port}/simple/";
        _listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        _listener.Start();
        _ = ServeAsync();
    }

    public string Url { get; }

    public static Task<PackageIndex> StartAsync() => Task.FromResult(new PackageIndex(FreePort.Find()));

    public void Dispose() => ((IDisposable)_listener).Dispose();

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            var path = context.Request.Url!.AbsolutePath;
            var body = path.EndsWith(Wheel, StringComparison.Ordinal) ? _wheel
                : path.Contains("modal-scenario-package", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes($"<html><body><a href=\"/files/{Wheel}\">{Wheel}</a></body></html>") : null;
            context.Response.StatusCode = body is null ? 404 : 200;
            context.Response.ContentType = path.EndsWith(".whl", StringComparison.Ordinal) ? "application/zip" : "text/html";
            await context.Response.OutputStream.WriteAsync(body ?? []);
            context.Response.Close();
        }
    }

    private static byte[] MakeWheel()
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(zip, "modal_scenario_package/__init__.py", "NAME = 'from the index'\n");
            Add(zip, "modal_scenario_package-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: modal-scenario-package\nVersion: 1.2\n");
            Add(zip, "modal_scenario_package-1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
            Add(zip, "modal_scenario_package-1.2.dist-info/RECORD", "modal_scenario_package/__init__.py,,\nmodal_scenario_package-1.2.dist-info/METADATA,,\nmodal_scenario_package-1.2.dist-info/WHEEL,,\nmodal_scenario_package-1.2.dist-info/RECORD,,\n");
        }

        return bytes.ToArray();
    }

    private static void Add(ZipArchive zip, string name, string content)
    {
        using var entry = zip.CreateEntry(name).Open();
        entry.Write(Encoding.UTF8.GetBytes(content));
    }
}
