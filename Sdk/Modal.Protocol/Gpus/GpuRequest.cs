using System.Globalization;

namespace Modal.Protocol;

/// <summary>One way to satisfy a function's need for GPUs.</summary>
/// <param name="Model">As <c>H100</c> or <c>A100-80GB</c>, in upper case; null for any.</param>
/// <param name="Count">GPUs of one container, 1 to 8.</param>
public sealed record GpuRequest(string? Model, int Count)
{
    /// <summary>Most GPUs of one container.</summary>
    public const int MaxCount = 8;

    /// <summary>Reads a request: alternatives with commas, the best first, each a model or <c>any</c>, and a count after a colon.</summary>
    /// <param name="text">Such as <c>H100</c>, <c>A100-80GB:2</c> or <c>H100, any</c>; null and empty mean none.</param>
    /// <param name="alternatives">What was read; empty if nothing is requested.</param>
    /// <param name="fault">What is wrong and what is allowed.</param>
    public static bool TryParse(string? text, out IReadOnlyList<GpuRequest> alternatives, out string fault)
    {
        var list = new List<GpuRequest>();
        alternatives = list;
        fault = "";
        if (string.IsNullOrWhiteSpace(text))
        {
            return true;
        }

        foreach (var part in text.Split(','))
        {
            var pieces = part.Trim().Split(':');
            var model = pieces[0].Trim().ToUpperInvariant();
            var count = 1;
            if (model.Length is 0 or > 64 || !model.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '+') || pieces.Length > 2
                || (pieces.Length == 2 && !int.TryParse(pieces[1], NumberStyles.None, CultureInfo.InvariantCulture, out count)) || count is < 1 or > MaxCount)
            {
                fault = $"'{part.Trim()}' must be a model such as H100 or A100-80GB, or any, with a count from 1 to {MaxCount} after a colon if it is more than one, such as H100:2.";
                alternatives = [];
                return false;
            }

            list.Add(new GpuRequest(model == "ANY" ? null : model, count));
        }

        return true;
    }

    /// <summary>Whether a GPU of this model will do. <c>A100</c> takes an <c>A100-80GB</c> too, and not the other way round.</summary>
    /// <param name="model">As <c>A100-80GB</c>.</param>
    public bool Accepts(string model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Model is null || model.Equals(Model, StringComparison.OrdinalIgnoreCase)
            || (model.Length > Model.Length && model[Model.Length] == '-' && model.StartsWith(Model, StringComparison.OrdinalIgnoreCase));
    }

    /// <inheritdoc/>
    public override string ToString() => Count == 1 ? Model ?? "any" : $"{Model ?? "any"}:{Count}";
}
