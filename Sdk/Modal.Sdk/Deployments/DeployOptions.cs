namespace Modal;

/// <summary>How containers of the version before make way for a new one.</summary>
public enum DeployStrategy
{
    /// <summary>They serve until new ones are ready, and go on if the new version cannot start.</summary>
    Rolling = 1,

    /// <summary>They get nothing new from the moment of the deployment, and finish what they have.</summary>
    Recreate = 2,
}

/// <summary>Settings of a deployment.</summary>
public sealed record DeployOptions
{
    /// <summary>The environment. Null, the default, means that of the variable MODAL_ENVIRONMENT, else <c>main</c>.</summary>
    public string? Environment { get; init; }

    /// <summary>How containers are replaced. Default rolling.</summary>
    public DeployStrategy Strategy { get; init; } = DeployStrategy.Rolling;

    /// <summary>A name for the version, for people: at most 50 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>. Null, the default, means none.</summary>
    public string? Tag { get; init; }
}

/// <summary>A deployed app after a deployment.</summary>
public sealed record Deployment
{
    /// <summary>The app's id.</summary>
    public required string AppId { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The version that serves now, from 1.</summary>
    public required long Version { get; init; }

    /// <summary>The app was like this already, so nothing was changed.</summary>
    public required bool IsUnchanged { get; init; }

    /// <summary>Changes that break programs which call the version before, a sentence each.</summary>
    public required IReadOnlyList<string> Incompatibilities { get; init; }
}
