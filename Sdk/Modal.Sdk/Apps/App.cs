using System.Reflection;
using System.Runtime.InteropServices;
using Modal.Apps;
using Modal.Runtime;

namespace Modal;

/// <summary>
/// An ephemeral app: the functions of this program on a server for as long as it runs. The first remote call starts one by itself and leaving the process
/// stops it; <see cref="RunAsync"/> does the same for a shorter time and under a name. Code in a container has one app, the one that it is called by: functions call each other and themselves there. Safe for
/// many threads.
/// </summary>
public sealed partial class App : IAsyncDisposable
{
    private static readonly Lock s_gate = new();
    private static readonly List<App> s_open = [];
    private static PosixSignalRegistration? s_interrupt;
    private static (ContainerContext Context, App App)? s_inContainer;

    private App(AppSession session) => Session = session;

    /// <summary>The app's id, <c>ap-…</c>.</summary>
    public string Id => Session.AppId;

    /// <summary>The app's name, for people.</summary>
    public string Name => Session.Name;

    /// <summary>How the server isolates containers: <c>gvisor</c>, or <c>process</c> for none. Known once the app is connected; empty before.</summary>
    public string Sandbox => Session.Sandbox;

    internal AppSession Session { get; }

    /// <summary>Starts an app; calls go to it until it is disposed, which stops its containers. In a container it gives the app that runs there, which goes on when it is disposed.</summary>
    /// <param name="name">For people; need not be unique. Null, the default, means the program's name. Ignored in a container.</param>
    /// <param name="cancellationToken">Stops waiting for the server.</param>
    /// <returns>The running app.</returns>
    /// <exception cref="ServerUnavailableException">No server could be reached or started.</exception>
    /// <exception cref="VersionMismatchException">The server's version cannot work with this one.</exception>
    /// <exception cref="AccessDeniedException">It is called in a container of a function with <see cref="FunctionAttribute.RestrictModalAccess"/>.</exception>
    public static async Task<App> RunAsync(string? name = null, CancellationToken cancellationToken = default)
    {
        if (ContainerContext.Current is { } container)
        {
            var own = InContainer(container);
            try
            {
                await own.Session.ConnectAsync(cancellationToken).ConfigureAwait(false);
                return own;
            }
            catch (Grpc.Core.RpcException e)
            {
                throw GrpcErrors.ToException(e);
            }
        }

        var app = new App(new AppSession(name ?? DefaultName));
        lock (s_gate)
        {
            Add(app);
        }

        try
        {
            await app.Session.ConnectAsync(cancellationToken).ConfigureAwait(false);
            return app;
        }
        catch
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stops the app and its containers and waits until they are gone. In a container it does nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Session.IsInContainer)
        {
            return;
        }

        lock (s_gate)
        {
            s_open.Remove(this);
        }

        await Session.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The app that calls go to now: the last one opened, or a new one for the rest of the process.</summary>
    internal static AppSession Current
    {
        get
        {
            if (ContainerContext.Current is { } container)
            {
                return InContainer(container).Session;
            }

            lock (s_gate)
            {
                if (s_open.Count == 0)
                {
                    if (Environment.GetEnvironmentVariable("MODAL_CONTAINER_ID") is { Length: > 0 })
                    {
                        throw new InvalidRequestException("In a container only the process that runs the function can call remote functions, not one that it started.");
                    }

                    Add(new App(new AppSession(DefaultName)));
                }

                return s_open[^1].Session;
            }
        }
    }

    private static string DefaultName => Assembly.GetEntryAssembly()?.GetName().Name ?? "app";

    private static App InContainer(ContainerContext container)
    {
        var connect = container.Connect ?? throw new AccessDeniedException(
            $"'{container.FunctionName}' may not call remote functions: it has RestrictModalAccess = true. Call the method itself, or its Local, or take the restriction away.");
        if (!typeof(Google.Protobuf.IMessage).IsAssignableFrom(typeof(Protocol.FunctionSpec)) || !typeof(Grpc.Core.ClientBase).IsAssignableFrom(typeof(Protocol.ModalClient.ModalClientClient)))
        {
            throw new InvalidRequestException(
                "Calls from inside a container need the Google.Protobuf and Grpc.Core.Api that Modal.Sdk was built with; this program brings newer ones, which its containers use in their place. Update Modal.Sdk, or use its versions.");
        }

        lock (s_gate)
        {
            if (s_inContainer is not { } known || known.Context != container)
            {
                // A copy from a snapshot serves another container, perhaps of another app: what the original had open ends by itself.
                s_inContainer = known = (container, new App(new AppSession(DefaultName, container, connect)));
            }

            return known.App;
        }
    }

    private static void Add(App app)
    {
        s_open.Add(app);
        if (s_interrupt is null)
        {
            // Without these the server would notice a second or more later that the process is gone.
            s_interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => StopAll("The app was stopped by Ctrl-C.", TimeSpan.FromSeconds(1)));
            AppDomain.CurrentDomain.ProcessExit += (_, _) => StopAll("The process ended.", TimeSpan.FromSeconds(2));
        }
    }

    private static void StopAll(string reason, TimeSpan limit)
    {
        App[] open;
        lock (s_gate)
        {
            open = [.. s_open];
            s_open.Clear();
        }

        // Synchronous on purpose: the process ends when this returns.
        Task.WhenAll(open.Select(a => a.Session.CloseAsync(reason, limit))).Wait(limit);
    }
}
