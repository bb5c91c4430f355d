using Modal.Serialization;

namespace Modal;

/// <summary>Writes a value; made by the generator.</summary>
/// <typeparam name="T">The type of the value.</typeparam>
/// <param name="writer">Where it goes.</param>
/// <param name="value">The value.</param>
public delegate void PayloadEncoder<T>(ref PayloadWriter writer, T value);

/// <summary>Reads a value; made by the generator.</summary>
/// <typeparam name="T">The type of the value.</typeparam>
/// <param name="reader">Where it comes from.</param>
/// <returns>The value.</returns>
public delegate T PayloadDecoder<T>(ref PayloadReader reader);
