namespace Modal.Runtime;

/// <summary>An <c>[Enter]</c> or <c>[Exit]</c> method.</summary>
/// <param name="Name">The method's name, for errors and logs.</param>
/// <param name="Invoke">Runs it on an instance.</param>
/// <param name="Snapshot">Runs before the memory snapshot; false for <c>[Exit]</c>.</param>
public sealed record LifecycleHook(string Name, Func<object, CancellationToken, ValueTask> Invoke, bool Snapshot = false);
