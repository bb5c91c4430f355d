namespace Modal;

/// <summary>Marks a method of a service that runs once in each container before it stops, also after a failed input. It may return void, <see cref="Task"/> or <see cref="ValueTask"/> and take a <see cref="CancellationToken"/>.</summary>
[AttributeUsage(AttributeTargets.Method, Inherited = false)]
public sealed class ExitAttribute : Attribute;
