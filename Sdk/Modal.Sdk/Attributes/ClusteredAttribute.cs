namespace Modal;

/// <summary>
/// Runs each input in several containers at once: on a static <c>[Function]</c>, or on a <c>[Service]</c> class for all its functions. The containers of a cluster are placed together, all or none, start together,
/// and are each called with the same arguments; <see cref="ClusterInfo.Current"/> says which of them the code runs in. The result, and the elements that are streamed, are those of rank 0, once all have returned; the
/// results of the others are dropped. If one throws or times out, the call is cancelled in the others and fails. If one is lost, the others are stopped and the input runs again in a new cluster, which spends no retry.
/// <see cref="FunctionAttribute.MinContainers"/>, <see cref="FunctionAttribute.MaxContainers"/> and <see cref="FunctionAttribute.BufferContainers"/> count containers and must be multiples of <see cref="Size"/>;
/// where the maximum is not set, it is the largest multiple up to 10, and at least one cluster. Cannot be combined with <c>[Batched]</c>.
/// </summary>
/// <remarks>Containers have no network yet, so the members of a cluster cannot reach each other: each can only do its part of the input by its rank.</remarks>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class, Inherited = false)]
public sealed class ClusteredAttribute : Attribute
{
    /// <summary>Containers of a cluster, 2 to 64; must be set.</summary>
    public int Size { get; set; }
}
