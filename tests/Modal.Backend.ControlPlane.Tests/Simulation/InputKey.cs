using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>An input, whoever works on it.</summary>
internal readonly record struct InputKey(string StreamId, ulong Call, ulong Index)
{
    public static InputKey Of(InputRef input) => new(input.StreamId, input.Call, input.Index);

    public override string ToString() => $"{StreamId}/{Call}/{Index}";
}
