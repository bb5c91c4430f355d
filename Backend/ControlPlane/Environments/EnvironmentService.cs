using Grpc.Core;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Environments;

/// <summary>Serves the list of environments.</summary>
internal sealed class EnvironmentService(EnvironmentNames environments) : Protocol.Environments.EnvironmentsBase
{
    public override async Task<CreateEnvironmentReply> Create(CreateEnvironmentRequest request, ServerCallContext context)
    {
        await environments.CreateAsync(request.Name);
        return new CreateEnvironmentReply();
    }

    public override async Task<DeleteEnvironmentReply> Delete(DeleteEnvironmentRequest request, ServerCallContext context)
    {
        await environments.DeleteAsync(request.Name);
        return new DeleteEnvironmentReply();
    }

    public override async Task<ListEnvironmentsReply> List(ListEnvironmentsRequest request, ServerCallContext context) => new() { Names = { await environments.ListAsync() } };
}
