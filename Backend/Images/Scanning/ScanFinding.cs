namespace Modal.Backend.Images.Scanning;

/// <summary>Something that an image lacks for C# functions.</summary>
/// <param name="IsFatal">No C# function starts without it; else only some code fails.</param>
/// <param name="Problem">What is wrong: a sentence.</param>
/// <param name="Advice">What to do about it: a sentence.</param>
public sealed record ScanFinding(bool IsFatal, string Problem, string Advice)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Problem} {Advice}";
}
