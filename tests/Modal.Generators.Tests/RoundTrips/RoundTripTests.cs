using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Collections.ObjectModel;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Modal.Generators.Tests.Fixtures;
using Modal.Generators.Tests.Harness;
using static Modal.Generators.Tests.Fixtures.Echo.Remote;

namespace Modal.Generators.Tests.RoundTrips;

/// <summary>For any value of a type: what the invoker gives back is what was sent.</summary>
public sealed class RoundTripTests
{
    private static readonly Config s_quiet = Config.QuickThrowOnFailure.WithQuietOnSuccess(true);

    [Fact]
    public void Invoke_Integers_RoundTrip()
    {
        Any(Echo.Remote.Boolean);
        Any(Echo.Remote.Byte);
        Any(Echo.Remote.SByte);
        Any(Echo.Remote.Int16);
        Any(Echo.Remote.UInt16);
        Any(Echo.Remote.Int32);
        Any(Echo.Remote.UInt32);
        Any(Echo.Remote.Int64);
        Any(Echo.Remote.UInt64);
        Any(Echo.Remote.BigInteger);
        From<long, nint>(Echo.Remote.IntPtr, x => (nint)x);
        From<ulong, nuint>(Echo.Remote.UIntPtr, x => (nuint)x);
        From<(long, ulong), Int128>(Echo.Remote.Int128, x => new Int128((ulong)x.Item1, x.Item2));
        From<(ulong, ulong), UInt128>(Echo.Remote.UInt128, x => new UInt128(x.Item1, x.Item2));
        Each(Echo.Remote.Byte, byte.MinValue, byte.MaxValue);
        Each(Echo.Remote.SByte, sbyte.MinValue, sbyte.MaxValue);
        Each(Echo.Remote.Int16, short.MinValue, short.MaxValue);
        Each(Echo.Remote.UInt16, ushort.MaxValue);
        Each(Echo.Remote.Int32, int.MinValue, int.MaxValue);
        Each(Echo.Remote.UInt32, uint.MaxValue);
        Each(Echo.Remote.Int64, long.MinValue, long.MaxValue);
        Each(Echo.Remote.UInt64, ulong.MaxValue);
        Each(Echo.Remote.Int128, System.Int128.MinValue, System.Int128.MaxValue);
    }

    [Fact]
    public void Invoke_Numbers_RoundTrip()
    {
        Any(Echo.Remote.Single);
        Any(Echo.Remote.Double);
        Any(Echo.Remote.Decimal);
        From<float, Half>(Echo.Remote.Half, x => (Half)x);
        Each(Echo.Remote.Double, double.NaN, double.NegativeInfinity, double.Epsilon, -0.0);
        Each(Echo.Remote.Single, float.NaN, float.MaxValue);
        Each(Echo.Remote.Decimal, decimal.MaxValue, decimal.MinValue, 1.50m, 1.5m, 0.0000000000000000000000000001m);
        Each(Echo.Remote.Complex, new Complex(1, -2));
        Each(Echo.Remote.Vector, new Vector3(1, 2, 3));
    }

    [Fact]
    public void Invoke_Text_RoundTrips()
    {
        Any(Echo.Remote.Char);
        From<string, string?>(Echo.Remote.String, WithoutLoneSurrogates);
        Each(Echo.Remote.Char, '\ud800', '\0', '\uffff');
        Each(Echo.Remote.String, null, "", "\0", "ünï😀", new string('x', 70_000));
        Each(Address, null, new Uri("https://example.com/a?b=c#d"), new Uri("relative/path", UriKind.Relative));
        Each(Echo.Remote.Version, null, new Version(1, 2), new Version(1, 2, 3, 4));
    }

    [Fact]
    public void Invoke_DatesAndIds_RoundTrip()
    {
        Any(Echo.Remote.Guid);
        Any(Echo.Remote.DateTime);
        Any(Echo.Remote.DateTimeOffset);
        Any(Echo.Remote.TimeSpan);
        Any(Echo.Remote.DateOnly);
        Any(Echo.Remote.TimeOnly);
        Each(Echo.Remote.DateTime, System.DateTime.MinValue, System.DateTime.MaxValue, new DateTime(1, DateTimeKind.Utc), new DateTime(2, DateTimeKind.Local));
        Each(Echo.Remote.DateTimeOffset, System.DateTimeOffset.MinValue, System.DateTimeOffset.MaxValue, new DateTimeOffset(2020, 1, 1, 0, 0, 0, new TimeSpan(-9, -30, 0)));
        Each(Echo.Remote.TimeSpan, System.TimeSpan.MinValue, System.TimeSpan.MaxValue);
        Each(Echo.Remote.DateOnly, System.DateOnly.MinValue, System.DateOnly.MaxValue);
        Each(Echo.Remote.TimeOnly, System.TimeOnly.MinValue, System.TimeOnly.MaxValue);
    }

    [Fact]
    public void Invoke_EnumsAndNullables_RoundTrip()
    {
        From<byte, Small>(Echo.Remote.Small, x => (Small)x);
        From<sbyte, Signed>(Echo.Remote.Signed, x => (Signed)x);
        From<ulong, Large>(Echo.Remote.Large, x => (Large)x);
        Any(MaybeInt);
        Any(MaybeGuid);
        Each(MaybeEnum, null, Fixtures.Small.Last);
        Each(MaybeTuple, null, (1, null), (1, "x"));
    }

    [Fact]
    public void Invoke_Bytes_RoundTrip()
    {
        Any(Bytes);
        From<byte[], Memory<byte>>(Echo.Remote.Memory, x => x);
        From<byte[], ReadOnlyMemory<byte>>(Echo.Remote.ReadOnlyMemory, x => x);
        From<byte[], ArraySegment<byte>>(Segment, x => new ArraySegment<byte>(x ?? []));
        Each(Bytes, null, [], new byte[100_000]);
    }

    [Fact]
    public void Invoke_Lists_RoundTrip()
    {
        Any(Echo.Remote.Array);
        Each(Echo.Remote.Array, null, [], Enumerable.Range(0, 70_000).ToArray());
        Each(Jagged, null, [], [["a", null], []]);
        Any(Echo.Remote.List);
        Ints(Echo.Remote.IList, x => x);
        Ints(Echo.Remote.ICollection, x => x);
        Ints(Echo.Remote.IReadOnlyList, x => x);
        Ints(Echo.Remote.IReadOnlyCollection, x => x);
        Ints(Echo.Remote.IEnumerable, x => x.Select(i => i));
        Ints(Echo.Remote.LinkedList, x => new LinkedList<int>(x));
        Ints(Echo.Remote.Queue, x => new System.Collections.Generic.Queue<int>(x));
        Ints(Echo.Remote.Stack, x => new Stack<int>(x));
        Ints(Echo.Remote.Collection, x => new Collection<int>([.. x]));
        Ints(Observable, x => new ObservableCollection<int>(x));
        Ints(ReadOnly, x => new ReadOnlyCollection<int>(x));
        Ints(Echo.Remote.ImmutableList, x => [.. x]);
        Ints<IImmutableList<int>>(Echo.Remote.IImmutableList, x => System.Collections.Immutable.ImmutableList.CreateRange(x));
        From<int[], ImmutableArray<int>>(Echo.Remote.ImmutableArray, x => [.. x ?? []]);
        Assert.True(Remotely.Call(Echo.Remote.ImmutableArray, default).IsDefault);
    }

    [Fact]
    public void Invoke_Sets_RoundTrip()
    {
        Each(Echo.Remote.HashSet, null, [], ["a", "b"]);
        Ints(Echo.Remote.ISet, x => new HashSet<int>(x));
        Ints(Echo.Remote.IReadOnlySet, x => new HashSet<int>(x));
        Ints(Echo.Remote.SortedSet, x => new SortedSet<int>(x));
        Ints(Echo.Remote.ImmutableHashSet, x => [.. x]);
        Ints<IImmutableSet<int>>(Echo.Remote.IImmutableSet, x => System.Collections.Immutable.ImmutableHashSet.CreateRange(x));
    }

    [Fact]
    public void Invoke_Dictionaries_RoundTrip()
    {
        Each(Echo.Remote.Dictionary, null, [], new() { ["a"] = 1, [""] = null });
        Each(Echo.Remote.IDictionary, null, new Dictionary<int, string?> { [1] = null, [-1] = "x" });
        Each(Echo.Remote.IReadOnlyDictionary, null, new Dictionary<Guid, int> { [System.Guid.Empty] = 1 });
        Pairs(Echo.Remote.SortedDictionary, x => new SortedDictionary<int, int>(x));
        Pairs(Echo.Remote.SortedList, x => new SortedList<int, int>(x));
        Pairs(Echo.Remote.ImmutableDictionary, x => x.ToImmutableDictionary());
        Pairs<IImmutableDictionary<int, int>>(Echo.Remote.IImmutableDictionary, x => x.ToImmutableDictionary());
        Pairs(Concurrent, x => new ConcurrentDictionary<int, int>(x));
        Each(ByTuple, null, new() { [(1, Fixtures.Small.One)] = [new Vec(1, 2), null] });
    }

    [Fact]
    public void Invoke_Tuples_RoundTrip()
    {
        Each(OneTuple, new ValueTuple<int>(5));
        Each(TwoTuple, (1, null), (2, "b"));
        Each(TenTuple, (1, 2, 3, 4, 5, 6, 7, 8, "nine", 10));
        Each(ClassTuple, null, System.Tuple.Create(1, (string?)null));
        Each(KeyValue, new KeyValuePair<int, string?>(1, "x"));
    }

    [Fact]
    public void Invoke_Objects_RoundTrip()
    {
        Each(Echo.Remote.Record, null, new Vec(1, 2));
        Each(DerivedRecord, null, new Labelled(1, 2, null), new Labelled(1, 2, "x"));
        Each(GenericStruct, new Pair<string>("a", null), new Pair<string>("a", "b"));
        Each(NestedGeneric, new Pair<Pair<int>>(new(1, 2), new(3, 4)));
        Each(Recursive, null, new Node(1, new Node(2, null, []), [new Node(3, null, null)]));
        Each(Echo.Remote.Settable, null, new Settable { Number = 1, Text = "x", Items = [], Field = 9 });
        Each(Echo.Remote.Derived, null, new Derived { Id = System.Guid.NewGuid(), Text = "new", Position = new Vec(0, 0), Number = 3 });
        Each(Echo.Remote.Made, null, new Made("n", 4) { Extra = 1.5 });
        Each(Echo.Remote.Plain, default, new Plain { A = 1, B = "b" });
        Each(Echo.Remote.RequiredBySetter, null, new RequiredBySetter(5));
        Each(Echo.Remote.WithDefaults, new WithDefaults(1, new Vec(1, 2), Fixtures.Small.Last, "x"), new WithDefaults());
        Each(Echo.Remote.Empty, null, new Empty());
        Each(Echo.Remote.Unit, default(Unit));
    }

    [Fact]
    public void Invoke_RecordOfEverything_RoundTrips() => Prop.ForAll(
        ArbMap.Default.ArbFor<Everything>().Filter(e => e.Text is null || WithoutLoneSurrogates(e.Text) == e.Text),
        value =>
        {
            // A lone surrogate has no UTF-8 form; the writer's documentation says what becomes of it.
            var clean = value with { Tuple = (value.Tuple.Item1, WithoutLoneSurrogates(value.Tuple.Item2)), Counts = value.Counts?.DistinctBy(c => WithoutLoneSurrogates(c.Key)).ToDictionary(c => WithoutLoneSurrogates(c.Key)!, c => c.Value) };
            return Same.As(clean, Remotely.Call(Echo.Remote.Everything, clean));
        }).Check(s_quiet);

    private static string? WithoutLoneSurrogates(string? text) => text is null ? null : System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));

    private static void Any<T>(Function<T, T> echo) => From<T, T>(echo, x => x);

    private static void From<TSource, T>(Function<T, T> echo, Func<TSource, T> make) =>
        Prop.ForAll(ArbMap.Default.ArbFor<TSource>(), x => Same.As(make(x), Remotely.Call(echo, make(x)))).Check(s_quiet);

    private static void Ints<T>(Function<T?, T?> echo, Func<List<int>, T> make)
        where T : class
    {
        From<List<int>, T?>(echo, x => x is null ? null : make(x));
        Each(echo, null);
    }

    private static void Pairs<T>(Function<T?, T?> echo, Func<Dictionary<int, int>, T> make)
        where T : class
    {
        From<List<(int Key, int Value)>, T?>(echo, x => make(x.DistinctBy(p => p.Key).ToDictionary(p => p.Key, p => p.Value)));
        Each(echo, null);
    }

    private static void Each<T>(Function<T, T> echo, params T[]? values)
    {
        foreach (var value in values ?? [default!])
        {
            Assert.True(Same.As(value, Remotely.Call(echo, value)), $"{echo.Name} gave something else for {value}.");
        }
    }
}
