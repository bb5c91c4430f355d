namespace Modal.Backend.Store.Objects;

/// <summary>Where an S3 tier keeps its objects.</summary>
public sealed record S3TierOptions
{
    /// <summary>The bucket, which must exist.</summary>
    public required string Bucket { get; init; }

    /// <summary>Put before every key, without a slash at its ends. Default empty.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Address of a service other than AWS, such as <c>http://127.0.0.1:9000</c>. Null, the default, means AWS.</summary>
    public string? Endpoint { get; init; }

    /// <summary>The region. Default <c>us-east-1</c>, which services other than AWS mostly do not look at.</summary>
    public string Region { get; init; } = "us-east-1";

    /// <summary>Access key. Null, the default, means what the AWS SDK finds: environment variables, profiles, roles.</summary>
    public string? AccessKey { get; init; }

    /// <summary>Secret of the access key.</summary>
    public string? SecretKey { get; init; }
}
