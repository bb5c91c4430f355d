namespace Modal.Backend.Worker.Sandboxes.GVisor;

/// <summary>A folder or file of this machine in a sandbox.</summary>
/// <param name="Inside">Where it is inside.</param>
/// <param name="Outside">Where it is on this machine.</param>
/// <param name="IsWritable">Whether it can be changed from inside.</param>
internal sealed record BindMount(string Inside, string Outside, bool IsWritable = false);
