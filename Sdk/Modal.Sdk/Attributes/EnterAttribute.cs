namespace Modal;

/// <summary>Marks a method of a service that runs once in each container before its first input. It may return void, <see cref="Task"/> or <see cref="ValueTask"/> and take a <see cref="CancellationToken"/>.</summary>
[AttributeUsage(AttributeTargets.Method, Inherited = false)]
public sealed class EnterAttribute : Attribute
{
    /// <summary>The method runs before the memory snapshot is taken. False, the default, runs it after each restore. Without snapshots both run at start, these first.</summary>
    public bool Snapshot { get; set; }
}
