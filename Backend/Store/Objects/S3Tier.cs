using System.Net;
using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Amazon.S3.Transfer;

namespace Modal.Backend.Store.Objects;

/// <summary>Objects in a bucket of S3 or of a service that speaks as it does. The SDK tries a failed request again; what still fails is a <see cref="TierException"/>.</summary>
public sealed class S3Tier : IObjectTier, IDisposable
{
    // Beyond this an object goes up in parts, so that a broken connection costs one of them.
    private const long MultipartBytes = 16 * 1024 * 1024;

    // How many keys are looked for at the same time.
    private const int Lookups = 32;

    private readonly AmazonS3Client _client;
    private readonly S3TierOptions _options;

    /// <summary>Opens a bucket; nothing is asked of it yet.</summary>
    /// <param name="options">Which.</param>
    public S3Tier(S3TierOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(options.Bucket, nameof(options));
        _options = options;
        var config = new AmazonS3Config
        {
            AuthenticationRegion = options.Region,
            MaxErrorRetry = 4,
            RetryMode = RequestRetryMode.Standard,
            Timeout = TimeSpan.FromSeconds(100),

            // Checksums beyond what S3 itself demands are unknown to other services; we verify digests ourselves.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (options.Endpoint is not null)
        {
            // Names of buckets as names of hosts need a DNS of their own.
            (config.ServiceURL, config.ForcePathStyle) = (options.Endpoint, true);
        }
        else
        {
            config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(options.Region);
        }

        _client = options.AccessKey is null ? new AmazonS3Client(config) : new AmazonS3Client(new BasicAWSCredentials(options.AccessKey, options.SecretKey), config);
    }

    /// <inheritdoc/>
    public string Name => $"s3 {_options.Bucket}{(_options.Prefix.Length > 0 ? $"/{_options.Prefix}" : "")}{(_options.Endpoint is null ? "" : $" at {_options.Endpoint}")}";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var isMissing = new bool[keys.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, keys.Count),
            new ParallelOptions { MaxDegreeOfParallelism = Lookups, CancellationToken = cancellationToken },
            async (i, token) => isMissing[i] = await FindAsync(keys[i], token) is not { } found || (found.LastModified is { } stored && Utc(stored) < storedSince));
        return [.. keys.Where((_, i) => isMissing[i])];
    }

    /// <inheritdoc/>
    public async Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => (await FindAsync(key, cancellationToken))?.ContentLength;

    /// <inheritdoc/>
    public Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return AskAsync<int?>(
            key,
            "read",
            async path =>
            {
                if (destination.IsEmpty)
                {
                    return await GetSizeAsync(key, cancellationToken) is null ? null : 0;
                }

                try
                {
                    using var response = await _client.GetObjectAsync(
                        new GetObjectRequest { BucketName = _options.Bucket, Key = path, ByteRange = new ByteRange(offset, offset + destination.Length - 1) }, cancellationToken);
                    await using var stream = response.ResponseStream;
                    return await stream.ReadAtLeastAsync(destination, destination.Length, throwOnEndOfStream: false, cancellationToken);
                }
                catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
                {
                    return 0;
                }
            },
            null);
    }

    /// <inheritdoc/>
    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        var path = PathOf(key);

        // Read first and as a whole: an object must not appear with half of a content that failed on its way.
        await using var spool = SpoolFile.Create();
        try
        {
            await content.CopyToAsync(spool, cancellationToken);
        }
        catch (IOException e)
        {
            throw new TierException($"{Name}: {key} could not be stored: {e.Message}", e) { IsFull = TierException.SaysFull(e) };
        }

        spool.Position = 0;
        await AskAsync(
            key,
            "stored",
            async _ =>
            {
                if (spool.Length <= MultipartBytes)
                {
                    await _client.PutObjectAsync(new PutObjectRequest { BucketName = _options.Bucket, Key = path, InputStream = spool, AutoCloseStream = false }, cancellationToken);
                }
                else
                {
                    using var transfer = new TransferUtility(_client);
                    await transfer.UploadAsync(
                        new TransferUtilityUploadRequest { BucketName = _options.Bucket, Key = path, InputStream = spool, AutoCloseStream = false, PartSize = MultipartBytes }, cancellationToken);
                }

                return true;
            },
            missing: false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ObjectInfo> ListAsync(string kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ObjectKeys.CheckPart(kind);
        var request = new ListObjectsV2Request { BucketName = _options.Bucket, Prefix = Prefix + kind + "/" };
        while (true)
        {
            var page = (await AskAsync<ListObjectsV2Response?>(kind + "/-", "listed", async _ => await _client.ListObjectsV2Async(request, cancellationToken), null))!;
            foreach (var found in page.S3Objects ?? [])
            {
                yield return new ObjectInfo(found.Key[Prefix.Length..], found.Size ?? 0, found.LastModified is { } at ? Utc(at) : default);
            }

            if (page.IsTruncated != true)
            {
                yield break;
            }

            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    /// <inheritdoc/>
    public Task DeleteAsync(string key, CancellationToken cancellationToken) => AskAsync<bool?>(
        key,
        "removed",
        async path =>
        {
            await _client.DeleteObjectAsync(_options.Bucket, path, cancellationToken);
            return true;
        },
        true);

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private string Prefix => _options.Prefix.Length == 0 ? "" : _options.Prefix.Trim('/') + "/";

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time.ToUniversalTime(), DateTimeKind.Utc));

    private Task<GetObjectMetadataResponse?> FindAsync(string key, CancellationToken cancellationToken) => AskAsync<GetObjectMetadataResponse?>(
        key,
        "looked for",
        async path => await _client.GetObjectMetadataAsync(_options.Bucket, path, cancellationToken),
        null);

    private string PathOf(string key)
    {
        ObjectKeys.Split(key);
        return Prefix + key;
    }

    private async Task<T?> AskAsync<T>(string key, string what, Func<string, Task<T?>> ask, T? missing)
    {
        var path = PathOf(key);
        try
        {
            return await ask(path);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket" && what != "stored" && what != "listed")
        {
            return missing;
        }
        catch (Exception e) when (e is AmazonServiceException or AmazonClientException or HttpRequestException or WebException or IOException)
        {
            throw new TierException($"{Name}: {key} could not be {what}: {e.Message}", e);
        }
    }
}
