using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Modal.Runtime;

namespace Modal.Backend.ControlPlane.Containers;

/// <summary>
/// Tells connections of containers from others by their first bytes, before HTTP/2 sees them. Only a worker can begin a connection with a container's name, and what it says can only take rights away, so the
/// name needs no secret.
/// </summary>
public static class ContainerConnections
{
    // Clients and workers speak at once; more than this is a connection that somebody forgot.
    private static readonly TimeSpan s_firstBytes = TimeSpan.FromSeconds(30);

    /// <summary>Adds it to a listener.</summary>
    /// <param name="builder">The listener.</param>
    public static void UseContainerConnections(this IConnectionBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var containers = builder.ApplicationServices.GetRequiredService<ContainerDirectory>();
        var logger = builder.ApplicationServices.GetRequiredService<ILogger<ContainerDirectory>>();
        builder.Use(next => async connection =>
        {
            string? containerId;
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
                limit.CancelAfter(s_firstBytes);
                containerId = await ReadPrefaceAsync(connection.Transport.Input, limit.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ConnectionAbortedException or InvalidDataException)
            {
                connection.Abort();
                return;
            }

            if (containerId is not null)
            {
                if (containers.Find(containerId) is not { } container)
                {
                    // It ended while its worker dialled, or it is another server's.
                    logger.UnknownContainer(containerId);
                    connection.Abort();
                    return;
                }

                connection.Features.Set(container);
                using var ended = container.Ended.Register(connection.Abort);
                await next(connection);
                return;
            }

            await next(connection);
        });
    }

    // Null, and nothing taken, if there is none.
    private static async Task<string?> ReadPrefaceAsync(PipeReader input, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await input.ReadAsync(cancellationToken);
            var bytes = read.Buffer;
            var begin = bytes.Slice(0, Math.Min(bytes.Length, ContainerPreface.MaxBytes)).ToArray();
            var known = Math.Min(begin.Length, ContainerPreface.Start.Length);
            if (!ContainerPreface.Start.StartsWith(begin.AsSpan(0, known)) || (read.IsCompleted && begin.Length == 0))
            {
                input.AdvanceTo(bytes.Start);
                return null;
            }

            var end = begin.AsSpan().IndexOf((byte)'\n');
            if (end >= 0)
            {
                var containerId = ContainerPreface.Read(begin.AsSpan(0, end)) ?? throw new InvalidDataException("The preface names no container.");
                input.AdvanceTo(bytes.GetPosition(end + 1));
                return containerId;
            }

            if (read.IsCompleted || begin.Length == ContainerPreface.MaxBytes)
            {
                input.AdvanceTo(bytes.End);
                throw new InvalidDataException("The preface has no end.");
            }

            input.AdvanceTo(bytes.Start, bytes.End);
        }
    }
}
