using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Checking;

/// <summary>Something wrong in a store.</summary>
/// <param name="Key">The object.</param>
/// <param name="What">What is wrong with it, a sentence.</param>
/// <param name="Images">Images that cannot be read in full because of it.</param>
public sealed record Finding(string Key, string What, IReadOnlyList<Digest> Images);
