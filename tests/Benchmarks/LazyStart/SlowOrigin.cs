using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Objects;

namespace Modal.Benchmarks.LazyStart;

/// <summary>
/// A store that is far away: answers as much of S3's dialect as a worker speaks, after a latency and no faster than a rate for each stream. It checks no signatures,
/// and counts what it sends.
/// </summary>
internal sealed class SlowOrigin : IAsyncDisposable
{
    private const int PieceBytes = 256 * 1024;
    private static readonly TimeSpan s_latency = TimeSpan.FromMilliseconds(5);
    private const double BytesPerSecond = 100e6;

    private readonly WebApplication _app;
    private readonly FolderTier _tier;
    private long _sentBytes;
    private long _requests;

    private SlowOrigin(WebApplication app, FolderTier tier) => (_app, _tier) = (app, tier);

    /// <summary>How a host is told of it.</summary>
    public string Address => $"s3:images?endpoint={_app.Urls.Single()}";

    public long SentBytes => Interlocked.Read(ref _sentBytes);

    public long Requests => Interlocked.Read(ref _requests);

    public static async Task<SlowOrigin> StartAsync(string folder)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(k => k.Limits.MaxRequestBodySize = null);
        var app = builder.Build();
        var origin = new SlowOrigin(app, new FolderTier(folder));
        app.MapMethods("/images/{**key}", ["HEAD", "GET"], origin.ReadAsync);
        app.MapPut("/images/{**key}", origin.PutAsync);
        await app.StartAsync();
        return origin;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task ReadAsync(HttpContext context, string key)
    {
        Interlocked.Increment(ref _requests);
        await Task.Delay(s_latency);
        var response = context.Response;
        if (await _tier.GetSizeAsync(key, context.RequestAborted) is not { } size)
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            if (HttpMethods.IsGet(context.Request.Method))
            {
                await response.WriteAsync("<Error><Code>NoSuchKey</Code></Error>");
            }

            return;
        }

        var (from, to) = (0L, size - 1);
        if (context.Request.GetTypedHeaders().Range?.Ranges.SingleOrDefault() is { From: { } first } range)
        {
            (from, to) = (first, Math.Min(range.To ?? to, to));
            response.StatusCode = StatusCodes.Status206PartialContent;
            response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {from}-{to}/{size}");
        }

        response.ContentLength = to + 1 - from;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await SendAsync(response, key, from, to, context.RequestAborted);
        }
    }

    private async Task SendAsync(HttpResponse response, string key, long from, long to, CancellationToken cancellationToken)
    {
        var buffer = new byte[PieceBytes];
        var start = Stopwatch.GetTimestamp();
        for (var at = from; at <= to; at += PieceBytes)
        {
            var piece = buffer.AsMemory(0, (int)Math.Min(PieceBytes, to + 1 - at));
            await _tier.ReadAsync(key, at, piece, cancellationToken);
            await response.Body.WriteAsync(piece, cancellationToken);
            Interlocked.Add(ref _sentBytes, piece.Length);
            if (TimeSpan.FromSeconds((at + piece.Length - from) / BytesPerSecond) - Stopwatch.GetElapsedTime(start) is { TotalMilliseconds: >= 1 } early)
            {
                await Task.Delay(early, cancellationToken);
            }
        }
    }

    private async Task<IResult> PutAsync(HttpContext context, string key)
    {
        Interlocked.Increment(ref _requests);
        await Task.Delay(s_latency);
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        using var content = context.Request.Headers.ContainsKey("x-amz-decoded-content-length") ? Decode(body.ToArray()) : body;
        content.Position = 0;
        await _tier.PutAsync(key, content, CancellationToken.None);
        context.Response.Headers.ETag = "\"x\"";
        return Results.Ok();
    }

    // "aws-chunked": a length in hexadecimal and a signature on a line, so many bytes, and again, until a length of zero.
    private static MemoryStream Decode(ReadOnlySpan<byte> body)
    {
        var content = new MemoryStream();
        while (true)
        {
            var line = body[..body.IndexOf("\r\n"u8)];
            var length = int.Parse(line[..line.IndexOf((byte)';')], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (length == 0)
            {
                return content;
            }

            content.Write(body.Slice(line.Length + 2, length));
            body = body[(line.Length + 2 + length + 2)..];
        }
    }
}
