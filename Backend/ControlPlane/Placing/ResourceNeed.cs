using System.Globalization;
using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>What a container takes from its worker, and where it may and would best run.</summary>
/// <param name="CpuCores">More than zero; counted in thousandths.</param>
/// <param name="MemoryMiB">More than zero.</param>
/// <param name="Gpu">As <see cref="GpuRequest"/> reads it, such as <c>"A100:2"</c> or <c>"H100, any"</c>; empty for none.</param>
[GenerateSerializer, Immutable]
internal sealed record ResourceNeed([property: Id(0)] double CpuCores, [property: Id(1)] long MemoryMiB, [property: Id(2)] string Gpu)
{
    /// <summary>The pool of those that name none.</summary>
    public const string DefaultPool = "default";

    // A copy that was changed brings the original's: its owner tells them apart.
    [NonSerialized]
    private string? _shape;
    [NonSerialized]
    private ResourceNeed? _shapeOf;

    /// <summary>Disk of its own on the worker. Zero, the default, takes none.</summary>
    [Id(3)]
    public long DiskMiB { get; init; }

    /// <summary>Name of the pool. Default <see cref="DefaultPool"/>.</summary>
    [Id(4)]
    public string Pool { get; init; } = DefaultPool;

    /// <summary>Any of these will do. Empty, the default, means anywhere.</summary>
    [Id(5)]
    public IReadOnlyList<string> Regions { get; init; } = [];

    /// <summary>Higher goes first and may take the place of lower. Default 0.</summary>
    [Id(6)]
    public int Priority { get; init; }

    /// <summary>Never evicted. Default false.</summary>
    [Id(7)]
    public bool Nonpreemptible { get; init; }

    /// <summary>To workers that have none of the function, where there are some; false, the default, fills one worker before the next.</summary>
    [Id(8)]
    public bool Spread { get; init; }

    /// <summary>What makes its start quicker where it is local already (<see cref="Modal.Protocol.LocalKeys"/>). Default none.</summary>
    [Id(9)]
    public IReadOnlyList<string> LocalKeys { get; init; } = [];

    /// <summary>Equal for needs that the same workers can hold.</summary>
    public string Shape
    {
        get
        {
            if (!ReferenceEquals(_shapeOf, this))
            {
                _shape = string.Create(CultureInfo.InvariantCulture, $"{CpuCores:0.###}|{MemoryMiB}|{DiskMiB}|{Gpu}|{Pool}|{string.Join(',', Regions.Order(StringComparer.Ordinal))}");
                _shapeOf = this;
            }

            return _shape!;
        }
    }

    public bool Equals(ResourceNeed? other) => other is not null && Shape == other.Shape && Priority == other.Priority && Nonpreemptible == other.Nonpreemptible && Spread == other.Spread
        && LocalKeys.SequenceEqual(other.LocalKeys, StringComparer.Ordinal);

    public override int GetHashCode() => HashCode.Combine(Shape, Priority);

    public static ResourceNeed Of(FunctionSpec spec, CodeVersion code)
    {
        var settings = FunctionSettings.From(spec);
        List<string> keys = [Modal.Protocol.LocalKeys.Code(code.Digest)];
        if (spec.ImageId.Length > 0)
        {
            keys.Add(Modal.Protocol.LocalKeys.Image(spec.ImageId));
        }

        if (spec.MemorySnapshot)
        {
            keys.Add(Modal.Protocol.LocalKeys.Snapshot(spec, code));
        }

        return new ResourceNeed(settings.CpuCores, settings.MemoryMiB, settings.Gpu)
        {
            DiskMiB = spec.Resources?.EphemeralDiskMib ?? 0,
            Pool = spec.Pool.Length > 0 ? spec.Pool : DefaultPool,
            Regions = [.. spec.Regions],
            Priority = spec.Priority,
            Nonpreemptible = spec.Nonpreemptible,
            Spread = spec.Spread,
            LocalKeys = keys,
        };
    }
}
