using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Protocol;

namespace Modal.Backend.ImageFs.Serving;

/// <summary>
/// Serves one FUSE connection: a thread for each of its device descriptors reads requests, one after another, and answers them. Ends when the kernel ends the
/// connection, which is when nobody uses the mount any more. Owns the descriptors.
/// </summary>
internal sealed class FuseSession : IDisposable
{
    /// <summary>The longest body of a reply: 256 pages of 4 KiB, the most that the kernel reads at once without being configured for more.</summary>
    public const int MaxReplyBytes = MaxPages * 4096;

    private const int MaxPages = 256;

    // Requests are short, as nothing can be written: a name of 255 bytes and a little. Longer ones get EIO from the kernel.
    private const int RequestBytes = 16 * 1024;

    // A reply buffer grows to what reads ask for: 128 KiB is the kernel's usual readahead.
    private const int FirstReplyBytes = 128 * 1024;

    private readonly IReadOnlyList<Descriptor> _devices;
    private readonly IFuseFileSystem _fileSystem;
    private readonly string _mount;
    private readonly ILogger _logger;
    private readonly PendingReads _pending = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _running;
    private long _requests;

    /// <param name="devices">Descriptors of one connection.</param>
    /// <param name="fileSystem">What answers.</param>
    /// <param name="mount">Name of the mount, for logs.</param>
    /// <param name="logger">Where failures go.</param>
    public FuseSession(IReadOnlyList<Descriptor> devices, IFuseFileSystem fileSystem, string mount, ILogger logger)
    {
        ArgumentOutOfRangeException.ThrowIfZero(devices.Count);
        (_devices, _fileSystem, _mount, _logger) = (devices, fileSystem, mount, logger);
    }

    /// <summary>Ends when the kernel has had its answer to INIT, or the connection ended before.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Ends when the kernel has ended the connection.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Requests served so far.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Reads that wait for bytes.</summary>
    public int PendingCount => _pending.Count;

    /// <summary>Called before INIT is answered.</summary>
    public Action? Initializing { get; init; }

    /// <summary>Starts serving.</summary>
    /// <param name="resume">Whether another process served this connection and died: then the kernel sends again what that one left unanswered.</param>
    public void Start(bool resume)
    {
        _running = _devices.Count;
        if (resume)
        {
            _ready.TrySetResult();
            Resend();
        }

        for (var i = 0; i < _devices.Count; i++)
        {
            var device = _devices[i];

            // A small stack: handlers keep little on it, and there are as many threads as mounts.
            new Thread(() => Serve(device), maxStackSize: 256 * 1024) { IsBackground = true, Name = $"fuse {_mount}" }.Start();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var device in _devices)
        {
            device.Dispose();
        }
    }

    private void Resend()
    {
        Span<byte> message = stackalloc byte[Unsafe.SizeOf<FuseOutHeader>()];
        MemoryMarshal.Write(message, new FuseOutHeader { Length = (uint)message.Length, Error = FuseConstants.NotifyResend });
        if (Unistd.Write(_devices[0], message) is var error and < 0 and not -Errno.ENODEV)
        {
            Log.ResendRefused(_logger, _mount, -error);
        }
    }

    private void Serve(Descriptor device)
    {
        var replies = new FuseReplies(device, _pending, _mount, _logger);
        var request = GC.AllocateUninitializedArray<byte>(RequestBytes, pinned: true);
        var reply = GC.AllocateUninitializedArray<byte>(FuseReplies.HeaderBytes + FirstReplyBytes, pinned: true);
        while (true)
        {
            var length = Unistd.Read(device, request);
            if (length <= 0)
            {
                // ENOENT: the request was taken back. ENODEV or an end: unmounted.
                if (length is -Errno.ENOENT or -Errno.EAGAIN)
                {
                    continue;
                }

                if (length is not 0 and not -Errno.ENODEV)
                {
                    Log.DeviceFailed(_logger, _mount, -length);
                }

                break;
            }

            Interlocked.Increment(ref _requests);
            Dispatch(request.AsSpan(0, length), ref reply, replies);
        }

        if (Interlocked.Decrement(ref _running) == 0)
        {
            _pending.InterruptAll();
            _ready.TrySetResult();
            _ended.TrySetResult();
        }
    }

    // The only edge between the kernel and the handlers: whatever they do, the kernel gets an answer.
    private void Dispatch(ReadOnlySpan<byte> message, ref byte[] reply, FuseReplies replies)
    {
        if (!FuseRequest.TryParse(message, out var request))
        {
            Log.NoRequest(_logger, _mount, message.Length);
            return;
        }

        int answer;
        try
        {
            if (WantedBytes(in request) is var wanted && wanted > reply.Length - FuseReplies.HeaderBytes)
            {
                reply = GC.AllocateUninitializedArray<byte>(FuseReplies.HeaderBytes + wanted, pinned: true);
            }

            answer = Answer(in request, reply.AsSpan(FuseReplies.HeaderBytes), replies);
        }
#pragma warning disable CA1031 // The edge: a bug is one log line and EIO for the reader.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Log.RequestFailed(_logger, _mount, request.Opcode, request.Header.NodeId, exception);
            answer = -Errno.EIO;
        }

        switch (answer)
        {
            case FuseAnswer.None or FuseAnswer.Later:
                break;
            case < 0:
                replies.SendError(request.Header.Unique, answer);
                break;
            default:
                replies.Send(request.Header.Unique, reply, answer);
                break;
        }

        if (request.Opcode == FuseOpcode.Init)
        {
            // Only now: the kernel sets what the caller may want to change, such as the readahead, when it gets the reply.
            _ready.TrySetResult();
        }
    }

    private static int WantedBytes(in FuseRequest request) =>
        request.Opcode is FuseOpcode.Read or FuseOpcode.ReadDirectory or FuseOpcode.ReadDirectoryPlus && request.TryRead(out FuseReadIn read)
            ? (int)Math.Min(read.Size, MaxReplyBytes)
            : 0;

    private int Answer(in FuseRequest request, Span<byte> reply, FuseReplies replies)
    {
        switch (request.Opcode)
        {
            case FuseOpcode.Init:
                return Initialize(in request, reply);
            case FuseOpcode.Interrupt:
                if (request.TryRead(out FuseInterruptIn interrupt))
                {
                    _pending.Interrupt(interrupt.Unique);
                }

                return FuseAnswer.None;
            case FuseOpcode.Forget or FuseOpcode.BatchForget or FuseOpcode.NotifyReply:
                // Nodes are numbers of the index: there is nothing to forget.
                return FuseAnswer.None;
            case FuseOpcode.Destroy:
                return 0;
            default:
                return _fileSystem.Answer(in request, reply, replies);
        }
    }

    private int Initialize(in FuseRequest request, Span<byte> reply)
    {
        // Old kernels send less than the whole struct.
        Span<byte> padded = stackalloc byte[Unsafe.SizeOf<FuseInitIn>()];
        padded.Clear();
        request.Body[..Math.Min(request.Body.Length, padded.Length)].CopyTo(padded);
        var offer = MemoryMarshal.Read<FuseInitIn>(padded);
        if (offer.Major < FuseConstants.Major || (offer.Major == FuseConstants.Major && offer.Minor < FuseConstants.OldestMinor))
        {
            Log.KernelTooOld(_logger, _mount, offer.Major, offer.Minor);
            return -Errno.EPROTO;
        }

        var offered = (FuseFeatures)offer.Flags;
        if (offered.HasFlag(FuseFeatures.InitExt))
        {
            offered |= (FuseFeatures)((ulong)offer.Flags2 << 32);
        }

        var chosen = (ulong)(_fileSystem.Choose(offered) & offered);
        var answer = new FuseInitOut
        {
            Major = FuseConstants.Major,
            Minor = Math.Min(offer.Minor, FuseConstants.Minor),
            MaxReadAhead = offer.MaxReadAhead,
            Flags = (uint)chosen,
            Flags2 = (uint)(chosen >> 32),
            MaxBackground = 64,
            CongestionThreshold = 48,
            MaxWrite = 4096,
            TimeGranularity = 1,
            MaxPages = MaxPages,
            MaxStackDepth = ((FuseFeatures)chosen).HasFlag(FuseFeatures.Passthrough) ? 1u : 0,
        };
        MemoryMarshal.Write(reply, in answer);
        Initializing?.Invoke();
        return Unsafe.SizeOf<FuseInitOut>();
    }
}
