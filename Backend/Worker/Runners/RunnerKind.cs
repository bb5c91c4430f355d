namespace Modal.Backend.Worker.Runners;

/// <summary>What a runner that waits for code depends on: it serves every function that has the same.</summary>
/// <param name="ImageId">The image; empty for the standard base.</param>
/// <param name="NeedsAspNetCore">Whether it has the ASP.NET Core framework.</param>
/// <param name="MemoryMiB">Its memory limit, by which the runtime lays out its heap.</param>
/// <param name="IsEmpty">Only the sandbox, with no process in it: what a snapshot is restored into.</param>
internal sealed record RunnerKind(string ImageId, bool NeedsAspNetCore, long MemoryMiB, bool IsEmpty = false);
