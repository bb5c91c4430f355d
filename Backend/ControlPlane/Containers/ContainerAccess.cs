using System.Globalization;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Modal.Backend.ControlPlane.Containers;

/// <summary>What code in containers may ask of the server. Everything that is not named here is refused, whatever is served beside it.</summary>
public static class ContainerAccess
{
    private const string BuildImage = "/modal.v1.Images/Build";

    // Of its own app, which each of these checks; blobs are known by their content only.
    private static readonly HashSet<string> s_allowed = new(StringComparer.Ordinal)
    {
        "/modal.v1.ModalClient/Hello",
        "/modal.v1.ModalClient/Call",
        "/modal.v1.ModalClient/UpdateAutoscaler",
        "/modal.v1.ModalClient/FindMissingFunctions",
        "/modal.v1.ModalClient/AddMissingFunctions",
        "/modal.v1.Calls/Put",
        "/modal.v1.Calls/Read",
        "/modal.v1.Calls/Cancel",
        "/modal.v1.Calls/Get",
        "/modal.v1.Blobs/FindMissing",
        "/modal.v1.Blobs/Get",
        "/modal.v1.Blobs/Put",
        BuildImage,
    };

    /// <summary>Refuses the rest. Must come before everything that answers requests.</summary>
    /// <param name="app">The program.</param>
    public static void UseContainerAccess(this IApplicationBuilder app) => app.Use((context, next) =>
        context.Features.Get<ContainerIdentity>() is { } container && Refusal(container, context.Request.Path) is { } refusal ? RefuseAsync(context, refusal) : next(context));

    /// <summary>The container that asks; null if a client or worker does.</summary>
    internal static ContainerIdentity? Container(this ServerCallContext context) => context.GetHttpContext().Features.Get<ContainerIdentity>();

    /// <summary>Refuses a container that asks for another app than its own.</summary>
    /// <returns>The container; null if a client asks, which may ask for any.</returns>
    internal static ContainerIdentity? RequireApp(this ServerCallContext context, string appId) => context.Container() is not { } container || container.AppId == appId
        ? context.Container()
        : throw new RpcException(new Status(StatusCode.PermissionDenied, $"A container of app {container.AppId} cannot call functions of app {appId}."));

    private static string? Refusal(ContainerIdentity container, string? path) =>
        container.IsRestricted ? $"The function '{container.FunctionName}' may not call others: RestrictModalAccess is set."
        : container.BlocksNetwork && path == BuildImage ? $"The function '{container.FunctionName}' may not have images built, whose steps reach the network: BlockNetwork is set."
        : path is not null && s_allowed.Contains(path) ? null
        : $"Code in a container cannot ask for {path}.";

    // As gRPC says it: a status in the place of the answer's headers.
    private static Task RefuseAsync(HttpContext context, string refusal)
    {
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = ((int)StatusCode.PermissionDenied).ToString(CultureInfo.InvariantCulture);
        context.Response.Headers["grpc-message"] = Uri.EscapeDataString(refusal);
        return Task.CompletedTask;
    }
}
