namespace Modal.Generators.Parsing;

/// <summary>Types of the Sdk and the framework that are looked for by name.</summary>
internal static class KnownNames
{
    public const string Function = "Modal.FunctionAttribute";
    public const string Batched = "Modal.BatchedAttribute";
    public const string Clustered = "Modal.ClusteredAttribute";
    public const string Service = "Modal.ServiceAttribute";
    public const string Enter = "Modal.EnterAttribute";
    public const string Exit = "Modal.ExitAttribute";
    public const string Image = "Modal.Image";
    public const string Mount = "Modal.MountAttribute";
    public const string Volume = "Modal.Volume";
    public const string Secret = "Modal.Secret";
    public const string Dict = "Modal.Dict";
    public const string Queue = "Modal.Queue";
    public const string NamedFunctions = "Modal.Function";
    public const string NamedServices = "Modal.Service";
    public const string DeployedService = "Modal.DeployedService";
    public const string Unit = "Modal.Unit";
    public const string BuildOptions = "Modal.BuildOptions";
    public const string PipOptions = "Modal.PipOptions";
    public const string CancellationToken = "System.Threading.CancellationToken";
}
