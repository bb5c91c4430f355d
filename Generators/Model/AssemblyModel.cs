namespace Modal.Generators.Model;

/// <summary>A class with static functions.</summary>
internal sealed record RemoteClassModel(ContainerModel Container, EquatableArray<FunctionModel> Functions);

/// <summary>All that an assembly registers.</summary>
internal sealed record AssemblyModel(string Assembly, EquatableArray<RemoteClassModel> Classes, EquatableArray<ServiceModel> Services);
