namespace Modal.Backend.Images.Registries;

/// <summary>An image could not be pulled. The message says why and what to do.</summary>
public sealed class RegistryException(string message) : Exception(message);
