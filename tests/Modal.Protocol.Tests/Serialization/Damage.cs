namespace Modal.Protocol.Tests.Serialization;

/// <summary>Turns bytes into nearly the same bytes, as a fault or an attacker would.</summary>
internal static class Damage
{
    // Bytes that begin every form with a length, and the ends of ranges.
    private static readonly byte[] s_telling =
        [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc5, 0xc6, 0xc7, 0xc9, 0xcb, 0xcf, 0xd3, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff];

    public static byte[] Of(byte[] bytes, Random random)
    {
        List<byte> result = [.. bytes];
        for (var faults = random.Next(1, 4); faults > 0 && result.Count > 0; faults--)
        {
            // Half of them near the start, where the headers are.
            var at = random.Next(random.Next(2) == 0 ? Math.Min(result.Count, 8) : result.Count);
            switch (random.Next(6))
            {
                case 0:
                    result[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    result[at] = s_telling[random.Next(s_telling.Length)];
                    break;
                case 2:
                    result.Insert(at, s_telling[random.Next(s_telling.Length)]);
                    break;
                case 3:
                    result.RemoveAt(at);
                    break;
                case 4:
                    result.RemoveRange(at, result.Count - at);
                    break;
                default:
                    result.InsertRange(at, result.GetRange(at, Math.Min(result.Count - at, random.Next(1, 20))));
                    break;
            }
        }

        return [.. result];
    }
}
