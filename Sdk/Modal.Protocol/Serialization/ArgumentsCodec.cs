namespace Modal.Serialization;

/// <summary>The array around a method's arguments; used by generated code.</summary>
public static class ArgumentsCodec
{
    /// <summary>Reads the header. A caller with an older signature may leave out parameters that have defaults.</summary>
    /// <param name="reader">At the array.</param>
    /// <param name="required">Parameters before the first one with a default.</param>
    /// <param name="total">All parameters that are sent.</param>
    /// <param name="name">The function, for the message.</param>
    /// <returns>How many arguments follow.</returns>
    /// <exception cref="PayloadException">Too few or too many.</exception>
    public static int ReadHeader(ref PayloadReader reader, int required, int total, string name)
    {
        var count = reader.ReadArrayHeader();
        if (count < required || count > total)
        {
            var expected = required == total ? $"{total}" : $"{required} to {total}";
            throw new PayloadException($"{name} got {count} arguments and takes {expected}. Were caller and function built from different versions?");
        }

        return count;
    }

    /// <summary>Checks that nothing follows the arguments.</summary>
    /// <param name="reader">Behind the last argument.</param>
    /// <param name="name">The function, for the message.</param>
    /// <exception cref="PayloadException">There are more bytes.</exception>
    public static void ReadEnd(ref PayloadReader reader, string name)
    {
        if (!reader.End)
        {
            throw new PayloadException($"Bytes follow the arguments of {name} at byte {reader.Position}.");
        }
    }
}
