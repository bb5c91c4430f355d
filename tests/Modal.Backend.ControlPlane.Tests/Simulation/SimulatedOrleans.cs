using System.Reflection;
using Orleans.CodeGeneration;
using Orleans.Serialization.Invocation;
using Orleans.Timers;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>What grains need of Orleans: their key, references to themselves, and a factory. The references are the caller's own objects.</summary>
/// <param name="find">Gives the reference to a grain by its interface and key.</param>
internal sealed class SimulatedOrleans(Func<Type, string, object> find) : IGrainRuntime, IGrainFactory, IGrainReferenceRuntime, IServiceProvider
{
    // Grains take their context from here when they are made; Orleans offers no other way to give it to one whose constructor does not ask for it.
    private static readonly MethodInfo s_enter = Context("SetExecutionContext");
    private static readonly MethodInfo s_leave = Context("ResetExecutionContext");

    public IGrainFactory GrainFactory => this;

    public IServiceProvider ServiceProvider => this;

    public string SiloIdentity => "simulated";

    public SiloAddress SiloAddress => SiloAddress.Zero;

    public ITimerRegistry TimerRegistry => throw Unused();

    public TimeProvider TimeProvider => throw Unused();

    public T Create<T>(string key, Func<T> make)
        where T : Grain
    {
        var context = new GrainContext(this, GrainId.Create(typeof(T).Name, key));
        s_enter.Invoke(null, [context, null]);
        try
        {
            return make();
        }
        finally
        {
            s_leave.Invoke(null, [null]);
        }
    }

    public object? GetService(Type serviceType) => serviceType == typeof(IGrainRuntime) ? this : null;

    public object Cast(IAddressable grain, Type interfaceType) => find(interfaceType, ((Grain)grain).GrainReference.GrainId.Key.ToString()!);

    public T GetGrain<T>(string primaryKey, string? grainClassNamePrefix = null)
        where T : IGrainWithStringKey => (T)find(typeof(T), primaryKey);

    public T GetGrain<T>(long primaryKey, string? grainClassNamePrefix = null)
        where T : IGrainWithIntegerKey => (T)find(typeof(T), "0");

    public void DeactivateOnIdle(IGrainContext grainContext)
    {
        // Its state stays: a grain that has ended is not asked again.
    }

    public void DelayDeactivation(IGrainContext grainContext, TimeSpan timeSpan) => throw Unused();

    public Orleans.Core.IStorage<TGrainState> GetStorage<TGrainState>(IGrainContext grainContext) => throw Unused();

    public T GetGrain<T>(Guid primaryKey, string? grainClassNamePrefix = null)
        where T : IGrainWithGuidKey => throw Unused();

    public T GetGrain<T>(Guid primaryKey, string keyExtension, string? grainClassNamePrefix = null)
        where T : IGrainWithGuidCompoundKey => throw Unused();

    public T GetGrain<T>(long primaryKey, string keyExtension, string? grainClassNamePrefix = null)
        where T : IGrainWithIntegerCompoundKey => throw Unused();

    public T CreateObjectReference<T>(IGrainObserver obj)
        where T : IGrainObserver => throw Unused();

    public void DeleteObjectReference<T>(IGrainObserver obj)
        where T : IGrainObserver => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, Guid grainPrimaryKey) => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, long grainPrimaryKey) => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, string grainPrimaryKey) => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, Guid grainPrimaryKey, string keyExtension) => throw Unused();

    public IGrain GetGrain(Type grainInterfaceType, long grainPrimaryKey, string keyExtension) => throw Unused();

    public T GetGrain<T>(GrainId grainId)
        where T : IAddressable => throw Unused();

    public IAddressable GetGrain(GrainId grainId) => throw Unused();

    public IAddressable GetGrain(GrainId grainId, GrainInterfaceType interfaceType) => throw Unused();

    public IAddressable GetGrain(Type interfaceType, IdSpan grainKey) => throw Unused();

    public IAddressable GetGrain(Type interfaceType, IdSpan grainKey, string grainClassNamePrefix) => throw Unused();

    public ValueTask<T?> InvokeMethodAsync<T>(GrainReference reference, IInvokable request, InvokeMethodOptions options) => throw Unused();

    public ValueTask InvokeMethodAsync(GrainReference reference, IInvokable request, InvokeMethodOptions options) => throw Unused();

    public void InvokeMethod(GrainReference reference, IInvokable request, InvokeMethodOptions options) => throw Unused();

    private static MethodInfo Context(string method) =>
        typeof(GrainReference).Assembly.GetType("Orleans.Runtime.RuntimeContext", throwOnError: true)!.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic)
        ?? throw new MissingMethodException("RuntimeContext", method);

    private static NotSupportedException Unused() => new("No grain under simulation needs it.");

    private sealed class Reference(GrainReferenceShared shared, IdSpan key) : GrainReference(shared, key);

    private sealed class GrainContext(SimulatedOrleans orleans, GrainId id) : IGrainContext
    {
        public GrainReference GrainReference { get; } =
            new Reference(new GrainReferenceShared(id.Type, default, 0, orleans, InvokeMethodOptions.None, null!, null!, orleans), id.Key);

        public GrainId GrainId => id;

        public IServiceProvider ActivationServices => orleans;

        public object? GrainInstance => null;

        public ActivationId ActivationId => default;

        public GrainAddress Address => throw Unused();

        public IGrainLifecycle ObservableLifecycle => throw Unused();

        public IWorkItemScheduler Scheduler => throw Unused();

        public Task Deactivated => throw Unused();

        public void SetComponent<TComponent>(TComponent? value)
            where TComponent : class => throw Unused();

        public object? GetTarget() => throw Unused();

        public object? GetComponent(Type componentType) => throw Unused();

        public void ReceiveMessage(object message) => throw Unused();

        public void Activate(Dictionary<string, object>? requestContext, CancellationToken cancellationToken = default) => throw Unused();

        public void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default) => throw Unused();

        public void Rehydrate(IRehydrationContext context) => throw Unused();

        public void Migrate(Dictionary<string, object>? requestContext, CancellationToken cancellationToken = default) => throw Unused();

        public bool Equals(IGrainContext? other) => ReferenceEquals(this, other);
    }
}
