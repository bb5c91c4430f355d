namespace Modal;

/// <summary>
/// Gathers inputs: each caller sends one element and gets one result, and the <c>[Function]</c> method is called once for many. Its one parameter is an array, <see cref="IReadOnlyList{T}"/> or
/// <see cref="List{T}"/> of the elements (and a <see cref="CancellationToken"/>, signalled when all of them are cancelled), its result a list of as many results in the same order. A container works on one batch at a time.
/// When the method throws, or returns another number of results, every input of the batch fails, and is retried by itself if <see cref="FunctionAttribute.Retries"/> allows.
/// </summary>
[AttributeUsage(AttributeTargets.Method, Inherited = false)]
public sealed class BatchedAttribute : Attribute
{
    /// <summary>Most elements of one call of the method, 1 to 1,000; must be set.</summary>
    public int MaxSize { get; set; }

    /// <summary>Milliseconds that the first input of a batch waits for others, up to 600,000. 0, the default, takes what waits already.</summary>
    public int WaitMs { get; set; }
}
