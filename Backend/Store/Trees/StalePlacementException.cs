namespace Modal.Backend.Store.Trees;

/// <summary>Contents that were known to be stored are gone. Making the tree again with a new <see cref="ContentCatalog"/> stores them again.</summary>
public sealed class StalePlacementException(string message) : IOException(message);
