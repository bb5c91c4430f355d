namespace Modal.Benchmarks.Reporting;

/// <summary>One named figure.</summary>
internal interface IBenchmark
{
    string Name { get; }

    /// <summary>One line for the list.</summary>
    string Description { get; }

    Task<Measured> RunAsync();
}
