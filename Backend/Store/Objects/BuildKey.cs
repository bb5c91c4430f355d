using System.Globalization;

namespace Modal.Backend.Store.Objects;

/// <summary>
/// The key of a record: <c>build/name.2026-11</c>. The month in which it was last used is a part of it: whoever finds a record of last month stores it again under this one, records of
/// older months are not looked for and may be removed at any time. So nothing is ever stored under a name that may be removed, which needs no lock and no agreement with whoever removes it.
/// </summary>
/// <param name="Name">The layer's cache key or the image's id.</param>
/// <param name="Month">The month of its last use, UTC: twelve times the year, and from 0 to 11.</param>
public readonly record struct BuildKey(string Name, int Month)
{
    // More than clocks of machines differ. One that is ahead has begun a month early.
    private static readonly TimeSpan s_skew = TimeSpan.FromHours(1);

    /// <summary>The key of a record that is used now.</summary>
    /// <param name="name">The layer's cache key or the image's id.</param>
    /// <param name="now">The time.</param>
    public static BuildKey Of(string name, DateTimeOffset now) => new(name, (now.UtcDateTime.Year * 12) + now.UtcDateTime.Month - 1);

    /// <summary>The keys under which a record is looked for, in this order.</summary>
    /// <param name="name">The layer's cache key or the image's id.</param>
    /// <param name="now">The time.</param>
    public static IReadOnlyList<BuildKey> Readable(string name, DateTimeOffset now)
    {
        var (current, soon) = (Of(name, now), Of(name, now + s_skew));
        return soon == current ? [current, current with { Month = current.Month - 1 }] : [current, soon, current with { Month = current.Month - 1 }];
    }

    /// <summary>Takes an object's key apart.</summary>
    /// <returns>Null if it is no record's key.</returns>
    public static BuildKey? TryParse(string key)
    {
        var (kind, name) = ObjectKeys.Split(key);
        var dot = name.LastIndexOf('.');
        return kind == ObjectKeys.Builds && dot > 0 && DateTime.TryParseExact(name[(dot + 1)..], "yyyy-MM", CultureInfo.InvariantCulture, DateTimeStyles.None, out var month)
            ? new BuildKey(name[..dot], (month.Year * 12) + month.Month - 1)
            : null;
    }

    /// <summary>Whether the record still stands for what it names: it was used in this month or the last.</summary>
    public bool IsLive(DateTimeOffset now) => Month >= Of(Name, now).Month - 1;

    /// <summary>The key.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{ObjectKeys.Builds}/{Name}.{Month / 12:0000}-{(Month % 12) + 1:00}");
}
