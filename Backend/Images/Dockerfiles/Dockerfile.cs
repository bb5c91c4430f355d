using System.Globalization;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>A Dockerfile taken apart.</summary>
/// <param name="Arguments">ARGs before the first FROM, which only FROMs see.</param>
/// <param name="Stages">At least one.</param>
/// <param name="Escape">The character that continues lines and takes the meaning from the next one: a backslash or a backtick.</param>
internal sealed record Dockerfile(IReadOnlyList<Instruction> Arguments, IReadOnlyList<Stage> Stages, char Escape)
{
    /// <summary>The stage of a name or number; null if there is none before the one given.</summary>
    public Stage? Find(string name, int before) =>
        Stages.Take(before).LastOrDefault(s => s.Name.Length > 0 && s.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < before ? Stages[number] : null);
}
