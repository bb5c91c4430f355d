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

    /// <summary>What the workspace may have at the same time. Default no limits.</summary>
    [ValidateObjectMembers]
    public QuotaOptions Quota { get; set; } = new();

    /// <summary>Whether this is one person's daemon: only then may a client ask it to stop. Default false.</summary>
    public bool IsLocalDaemon { get; set; }

    /// <summary>What tells this build of the host from others; empty if unknown. Default empty.</summary>
    public string HostBuild { get; set; } = "";
}
