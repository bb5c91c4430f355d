namespace Modal.ScenarioApp;

/// <summary>What is kept on the server.</summary>
public static partial class Keeping
{
    private static Secret Api => Secret.FromName("scenario-api", requiredKeys: "SCENARIO_TOKEN");

    private static Secret Given => Secret.FromDictionary("given", new Dictionary<string, string> { ["SCENARIO_GIVEN"] = "by-value-7831" });

    private static Secret Missing => Secret.FromName("scenario-missing");

    private static Secret Incomplete => Secret.FromName("scenario-api", requiredKeys: ["SCENARIO_TOKEN", "SCENARIO_OTHER"]);

    /// <summary>A dict of numbers that lives as long as the object.</summary>
    public static Dict<string, int> Numbers() => Dict.Ephemeral<string, int>();

    /// <summary>A queue of numbers that lives as long as the object.</summary>
    public static Modal.Queue<int> Counted() => Modal.Queue.Ephemeral<int>();

    /// <summary>The container and the two variables.</summary>
    [Function(Secrets = [nameof(Api), nameof(Given)], MemorySnapshot = true, ScaledownWindowSeconds = 2)]
    public static string[] ReadSecrets() => [Variable("MODAL_CONTAINER_ID"), Variable("SCENARIO_TOKEN"), Variable("SCENARIO_GIVEN")];

    [Function(Secrets = [nameof(Missing)])]
    public static string ReadMissing() => Variable("ANY");

    [Function(Secrets = [nameof(Incomplete)])]
    public static string ReadIncomplete() => Variable("ANY");

    private static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? "not set";
}
