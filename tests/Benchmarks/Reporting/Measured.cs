using System.Globalization;

namespace Modal.Benchmarks.Reporting;

/// <summary>The outcome of a benchmark: its last line.</summary>
/// <param name="Name">The benchmark.</param>
/// <param name="Ours">What we reach, with its unit.</param>
/// <param name="Peer">What the peer or the floor reaches in the same run, with its unit.</param>
/// <param name="Ratio">How many times better we are; below 1 we are worse. For a floor: ours divided by it.</param>
/// <param name="Goal">What is asked for.</param>
/// <param name="Met">Whether all of it is reached.</param>
internal sealed record Measured(string Name, string Ours, string Peer, double Ratio, string Goal, bool Met)
{
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Name} ours={Ours} peer={Peer} ratio={Ratio:0.##} goal={Goal} met={(Met ? "yes" : "no")}");
}
