using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Placing;

namespace Modal.Backend.ControlPlane;

/// <summary>Settings of the control plane.</summary>
public sealed class ControlPlaneOptions
{
    /// <summary>How long an app and its streams outlive a broken connection. Default 5 s; from 0 to 1 hour.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan AppGrace { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often workers report. One that is silent for three intervals is lost. Default 2 s; from 100 ms to 1 minute.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long code files and large payloads stay in the store that nobody sent again: after half of it clients are asked to send theirs again, and a day after all of it what nobody sent is
    /// removed, unless a running app has it. Default 7 days; from 1 to 365. The same for all servers of a store.
    /// </summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "365.00:00:00")]
    public TimeSpan BlobKeep { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How long results of detached calls are kept. Default 7 days; from 1 minute to 365 days.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "365.00:00:00")]
    public TimeSpan ResultKeep { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Where records are kept: <c>sqlite:/path</c>, or <c>postgresql://user@host:port/database</c> for several servers. No default.</summary>
    [Required]
    public string Database { get; set; } = "";

    /// <summary>File with the key that seals secrets, 32 bytes; made at first use, for its owner only. Servers that share a database share the key. No default.</summary>
    [Required]
    public string SecretsKey { get; set; } = "";

    /// <summary>What the workspace may have at the same time. Default no limits.</summary>
    [ValidateObjectMembers]
    public QuotaOptions Quota { get; set; } = new();

    /// <summary>Whether this is one person's daemon: only then may a client ask it to stop. Default false.</summary>
    public bool IsLocalDaemon { get; set; }

    /// <summary>What tells this build of the host from others; empty if unknown. Default empty.</summary>
    public string HostBuild { get; set; } = "";
}
