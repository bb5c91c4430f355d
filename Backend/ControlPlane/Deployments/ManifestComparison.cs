using System.Text.Json;

namespace Modal.Backend.ControlPlane.Deployments;

/// <summary>What in a new version breaks programs that call the one before, by the manifests of both.</summary>
internal static class ManifestComparison
{
    /// <summary>A sentence for each change that breaks callers; empty if there is none.</summary>
    /// <param name="before">Manifests of the version that is deployed.</param>
    /// <param name="after">Manifests of the new one.</param>
    public static IReadOnlyList<string> Compare(IEnumerable<string> before, IEnumerable<string> after)
    {
        var (old, next) = (Read(before), Read(after));
        var faults = new List<string>();
        foreach (var (name, signature) in old.OrderBy(static o => o.Key, StringComparer.Ordinal))
        {
            if (!next.TryGetValue(name, out var other))
            {
                faults.Add($"'{name}' is gone.");
                continue;
            }

            Compare(name, signature, other, faults);
        }

        return faults;
    }

    private static void Compare(string name, Signature before, Signature after, List<string> faults)
    {
        // Arguments travel in their order, without their names.
        for (var i = 0; i < before.Parameters.Count; i++)
        {
            if (i >= after.Parameters.Count)
            {
                faults.Add($"'{name}' has no parameter '{before.Parameters[i].Name}' any more.");
            }
            else if (before.Parameters[i].Type != after.Parameters[i].Type)
            {
                faults.Add($"Parameter {i + 1} of '{name}' was '{before.Parameters[i].Type} {before.Parameters[i].Name}' and is '{after.Parameters[i].Type} {after.Parameters[i].Name}'.");
            }
        }

        faults.AddRange(after.Parameters.Skip(before.Parameters.Count).Select(p => $"'{name}' has a new parameter '{p.Type} {p.Name}', which callers do not send."));
        if (before.Result != after.Result || before.IsStreaming != after.IsStreaming)
        {
            faults.Add($"'{name}' returned {Describe(before)} and returns {Describe(after)}.");
        }
    }

    private static string Describe(Signature signature) => signature.IsStreaming ? $"a stream of '{signature.Result}'" : signature.Result is null ? "nothing" : $"'{signature.Result}'";

    private static Dictionary<string, Signature> Read(IEnumerable<string> manifests)
    {
        var signatures = new Dictionary<string, Signature>(StringComparer.Ordinal);
        foreach (var manifest in manifests)
        {
            using var document = JsonDocument.Parse(manifest);
            foreach (var function in Elements(document.RootElement, "functions"))
            {
                Add(function);
            }

            foreach (var service in Elements(document.RootElement, "services"))
            {
                Add(service);
                foreach (var function in Elements(service, "functions"))
                {
                    Add(function);
                }
            }
        }

        return signatures;

        void Add(JsonElement element) => signatures[element.GetProperty("name").GetString() ?? ""] = new Signature(
            [.. Elements(element, "parameters").Select(static p => (p.GetProperty("name").GetString() ?? "", p.GetProperty("type").GetString() ?? ""))],
            element.TryGetProperty("result", out var result) ? result.GetString() : null,
            element.TryGetProperty("streaming", out var streaming) && streaming.ValueKind == JsonValueKind.True);
    }

    private static JsonElement.ArrayEnumerator Elements(JsonElement element, string property) =>
        element.TryGetProperty(property, out var array) && array.ValueKind == JsonValueKind.Array ? array.EnumerateArray() : default;

    private sealed record Signature(IReadOnlyList<(string Name, string Type)> Parameters, string? Result, bool IsStreaming);
}
