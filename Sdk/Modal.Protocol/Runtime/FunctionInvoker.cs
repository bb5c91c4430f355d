namespace Modal.Runtime;

/// <summary>
/// Runs one input. Decodes <see cref="InvocationContext.Arguments"/>, calls the method and encodes its result into <see cref="InvocationContext.Output"/>
/// (nothing for a method without result). A streaming method encodes each element and then calls <see cref="InvocationContext.YieldAsync"/>.
/// Throws what user code throws; a decoding fault throws <see cref="Serialization.PayloadException"/>.
/// </summary>
/// <param name="context">The input. Used by one call only.</param>
/// <returns>A task that ends when the method has ended.</returns>
public delegate ValueTask FunctionInvoker(InvocationContext context);
