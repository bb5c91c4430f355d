namespace Modal.Backend.Images.Dockerfiles;

/// <summary>A stage: from one FROM to the next.</summary>
/// <param name="Number">From 0.</param>
/// <param name="Name">What <c>AS</c> gave it; empty if nothing.</param>
/// <param name="From">Its FROM.</param>
/// <param name="Instructions">Those that follow.</param>
internal sealed record Stage(int Number, string Name, Instruction From, IReadOnlyList<Instruction> Instructions);
