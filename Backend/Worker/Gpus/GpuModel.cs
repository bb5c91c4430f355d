using System.Text.RegularExpressions;

namespace Modal.Backend.Worker.Gpus;

/// <summary>What functions call a GPU: "H100" for "NVIDIA H100 80GB HBM3".</summary>
internal static partial class GpuModel
{
    // Vendors, brands and what says where a card is to be used, but not what it is.
    private static readonly HashSet<string> s_noise = new(StringComparer.OrdinalIgnoreCase)
        { "NVIDIA", "Tesla", "Graphics", "Device", "Blackwell", "Server", "Workstation", "Max", "Q", "Edition", "Generation", "PCIe", "PCI", "E", "NVL" };

    // Sold with different memory under one name: it decides what fits.
    private static readonly HashSet<string> s_byMemory = new(StringComparer.OrdinalIgnoreCase) { "A100", "A800", "V100" };

    /// <summary>Turns the driver's name into that of requests.</summary>
    /// <param name="name">As NVML names it.</param>
    /// <param name="memoryMiB">Its memory; used where the name leaves it out.</param>
    public static string Of(string name, long memoryMiB)
    {
        var words = name.Split([' ', '-'], StringSplitOptions.RemoveEmptyEntries);
        var kept = words.Where(static w => !s_noise.Contains(w) && !MemoryOrForm().IsMatch(w)).Select(static w => w.ToUpperInvariant()).ToList();
        if (kept.Count == 0)
        {
            return "UNKNOWN";
        }

        // The same chip as the A10 with another power limit, in one cloud only.
        kept[0] = kept[0] == "A10G" ? "A10" : kept[0];
        if (kept.Count == 1 && s_byMemory.Contains(kept[0]))
        {
            var named = words.Select(static w => Memory().Match(w)).FirstOrDefault(static m => m.Success);

            // The driver keeps a little for itself: 81,559 MiB are 80 GiB.
            return $"{kept[0]}-{named?.Groups[1].Value ?? $"{Math.Round(memoryMiB / 1024.0 / 8) * 8:0}"}GB";
        }

        return string.Join('-', kept);
    }

    [GeneratedRegex(@"^(\d+)GB$", RegexOptions.IgnoreCase)]
    private static partial Regex Memory();

    // 80GB, HBM3, HBM2e, SXM, SXM4.
    [GeneratedRegex(@"^(\d+GB|HBM\w*|SXM\d*)$", RegexOptions.IgnoreCase)]
    private static partial Regex MemoryOrForm();
}
