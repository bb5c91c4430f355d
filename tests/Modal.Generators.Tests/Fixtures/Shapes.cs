using System.Diagnostics.CodeAnalysis;
using System.Runtime.Serialization;

namespace Modal.Generators.Tests.Fixtures;

public enum Small : byte { None, One, Last = 255 }
public enum Signed : sbyte { Lowest = -128, None = 0, Highest = 127 }
public enum Large : ulong { None, Top = ulong.MaxValue }

public record Vec(double X, double Y);
public record Labelled(double X, double Y, string? Label = "none") : Vec(X, Y);
public readonly record struct Pair<T>(T First, T? Second);
public record Node(int Value, Node? Next, List<Node>? Children);

public class Settable
{
    public int Number { get; set; } = 7;
    public string? Text { get; set; }
    public List<int> Items { get; set; } = [1];
    public int Field;
    public int Twice => Number * 2;
    [IgnoreDataMember]
    public Action? Callback { get; set; }
    private int Hidden { get; set; }
}

public class Derived : Settable
{
    public new string? Text { get; set; }
    public required Guid Id { get; init; }
    public Vec? Position { get; init; }
}

public class Made(string name, int @class = 3)
{
    public string Name { get; } = name;
    public int Class { get; } = @class;
    public double Extra { get; set; }
}

public struct Plain
{
    public int A;
    public string? B { get; set; }
    public readonly int Sum => A;
}

public class RequiredBySetter
{
    [SetsRequiredMembers]
    public RequiredBySetter(int value) => Value = value;

    public required int Value { get; init; }
}

public record WithDefaults(int Number = 5, Vec? Position = null, Small Small = Small.One, string Text = null!);

public record Empty;

/// <summary>Everything at once.</summary>
public record Everything(
    bool Flag, byte B, sbyte Sb, short S, ushort Us, int I, uint Ui, long L, ulong Ul, float F, double D, decimal M, char C, string? Text,
    Guid Id, DateTime When, DateTimeOffset Then, TimeSpan Long, DateOnly Day, TimeOnly Time, Small Small, Large? Large, int? Maybe, byte[]? Bytes,
    List<Vec>? Vectors, Dictionary<string, int?>? Counts, (int, string?) Tuple);
