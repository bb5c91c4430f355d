using System.Collections;
using System.Reflection;

namespace Modal.Generators.Tests.Harness;

/// <summary>Whether two values are the same in all public state. Type for type: an interface's default class may differ from what was sent.</summary>
internal static class Same
{
    public static bool As(object? a, object? b)
    {
        if (a is null || b is null)
        {
            return a is null && b is null;
        }

        if (a is Memory<byte> or ReadOnlyMemory<byte>)
        {
            return ToArray(a).AsSpan().SequenceEqual(ToArray(b));
        }

        if (a is DateTime x && b is DateTime y)
        {
            return x.Ticks == y.Ticks && x.Kind == y.Kind;
        }

        if (a is DateTimeOffset p && b is DateTimeOffset q)
        {
            return p.EqualsExact(q);
        }

        if (a is decimal m && b is decimal n)
        {
            return decimal.GetBits(m).AsSpan().SequenceEqual(decimal.GetBits(n));
        }

        if (a is IEnumerable many && a is not string)
        {
            return Elements(many, (IEnumerable)b);
        }

        var type = a.GetType();
        if (type != b.GetType())
        {
            return false;
        }

        if (type.IsPrimitive || type.IsEnum || type == typeof(string) || type.Namespace is "System" or "System.Numerics" && !type.IsGenericType)
        {
            return a.Equals(b);
        }

        var flags = BindingFlags.Public | BindingFlags.Instance;
        return type.GetFields(flags).All(f => As(f.GetValue(a), f.GetValue(b)))
            && type.GetProperties(flags).Where(r => r.GetIndexParameters().Length == 0).All(r => As(r.GetValue(a), r.GetValue(b)));
    }

    private static bool Elements(IEnumerable a, IEnumerable b)
    {
        var left = a.Cast<object?>().ToList();
        var right = b.Cast<object?>().ToList();
        return left.Count == right.Count && left.Zip(right).All(p => As(p.First, p.Second));
    }

    private static byte[] ToArray(object memory) => memory is Memory<byte> m ? m.ToArray() : ((ReadOnlyMemory<byte>)memory).ToArray();
}
