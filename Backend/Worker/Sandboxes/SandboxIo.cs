using System.Buffers;
using System.Buffers.Binary;
using Google.Protobuf;
using Modal.Backend.Worker.Loop;
using Modal.Backend.Worker.Native;
using Modal.Protocol;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>The channel and the two pipes of a sandbox. Reading happens on the event loop's thread; sending on any.</summary>
internal sealed class SandboxIo : IDisposable
{
    /// <summary>Largest frame taken from a sandbox: 256 MiB. A longer one is an attack or a defect, and ends the sandbox.</summary>
    public const int MaxFrameBytes = 256 * 1024 * 1024;

    // What one pipe can hold; reading so much before a result takes all that was printed before it, and cannot go on for ever.
    private const int PipeBytes = 64 * 1024;

    private const int ReadBytes = 128 * 1024;

    private readonly Descriptor _channel;
    private readonly Descriptor[] _pipes;
    private readonly EventLoop _loop;
    private readonly ISandboxEvents _events;
    private readonly Lock _sending = new();
    private readonly ArrayBufferWriter<byte> _backlog = new();
    private readonly EventLoop.Watched?[] _pipeWatches = new EventLoop.Watched?[2];
    private readonly bool[] _pipeEnded = new bool[2];
    private EventLoop.Watched? _channelWatch;
    private byte[] _received = new byte[ReadBytes];
    private int _start;
    private int _end;
    private int _backlogSent;
    private bool _channelEnded;
    private bool _readFrames = true;
    private bool _disposed;
    private Action<string> _onViolation = static _ => { };

    public SandboxIo(Descriptor channel, Descriptor stdout, Descriptor stderr, EventLoop loop, ISandboxEvents events)
    {
        (_channel, _pipes, _loop, _events) = (channel, [stdout, stderr], loop, events);
        Unistd.SetNonBlocking(channel);
        Unistd.SetNonBlocking(stdout);
        Unistd.SetNonBlocking(stderr);
    }

    /// <summary>Begins to report.</summary>
    /// <param name="onViolation">Called with a sentence when the sandbox sends what no runner sends.</param>
    public void Open(Action<string> onViolation)
    {
        lock (_sending)
        {
            _onViolation = onViolation;
            _channelWatch = _loop.Watch(_channel, Interest(), OnChannelReady);
            for (var i = 0; i < _pipes.Length; i++)
            {
                var index = i;
                _pipeWatches[i] = _loop.Watch(_pipes[i], Epoll.EPOLLIN, () => ReadPipe(index, PipeBytes));
            }
        }
    }

    /// <summary>What the pipes hold before <see cref="Open"/>: the start command's own complaints.</summary>
    public string TakeEarlyOutput()
    {
        var buffer = new byte[PipeBytes];
        var count = Math.Max(Unistd.Read(_pipes[1], buffer), 0);
        return System.Text.Encoding.UTF8.GetString(buffer, 0, count).Trim();
    }

    /// <summary>See <see cref="ISandbox.Send"/>.</summary>
    public void Send(WorkerFrame frame)
    {
        var size = frame.CalculateSize();
        var bytes = ArrayPool<byte>.Shared.Rent(sizeof(uint) + size);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)size);
        frame.WriteTo(bytes.AsSpan(sizeof(uint), size));
        var rest = bytes.AsSpan(0, sizeof(uint) + size);
        lock (_sending)
        {
            if (!_disposed && !_channelEnded)
            {
                if (_backlog.WrittenCount == 0)
                {
                    rest = rest[Math.Max(Socket.Send(_channel, rest), 0)..];
                }

                if (rest.Length > 0)
                {
                    _backlog.Write(rest);
                    _channelWatch?.Change(Interest());
                }
            }
        }

        ArrayPool<byte>.Shared.Return(bytes);
    }

    /// <summary>See <see cref="ISandbox.ReadPipes"/>.</summary>
    public void ReadPipes(bool read)
    {
        lock (_sending)
        {
            for (var i = 0; i < _pipes.Length; i++)
            {
                if (!_pipeEnded[i])
                {
                    _pipeWatches[i]?.Change(read ? Epoll.EPOLLIN : 0);
                }
            }
        }
    }

    /// <summary>See <see cref="ISandbox.ReadFrames"/>.</summary>
    public void ReadFrames(bool read)
    {
        lock (_sending)
        {
            _readFrames = read;
            _channelWatch?.Change(Interest());
        }
    }

    /// <summary>See <see cref="SandboxProcess.CloseChannel"/>.</summary>
    public void CloseChannel() => Socket.Shutdown(_channel);

    /// <summary>Delivers what is left when the process has ended. On the loop's thread.</summary>
    public void Drain()
    {
        while (!_channelEnded && Receive())
        {
            Deliver();
        }

        // Nobody may be left to write, but a process that outlived the sandbox could be: as much as the pipes held, not for ever.
        ReadPipe(0, 16 * PipeBytes);
        ReadPipe(1, 16 * PipeBytes);
        Deliver();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_sending)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _channelWatch?.Dispose();
            foreach (var watch in _pipeWatches)
            {
                watch?.Dispose();
            }

            _channel.Dispose();
            foreach (var pipe in _pipes)
            {
                pipe.Dispose();
            }
        }
    }

    private uint Interest() => _channelEnded ? 0 : (_readFrames ? Epoll.EPOLLIN : 0) | (_backlog.WrittenCount > 0 ? Epoll.EPOLLOUT : 0);

    private void OnChannelReady()
    {
        FlushBacklog();
        if (_readFrames && Receive())
        {
            Deliver();
        }
    }

    private void FlushBacklog()
    {
        lock (_sending)
        {
            if (_backlog.WrittenCount == 0 || _disposed)
            {
                return;
            }

            var sent = Socket.Send(_channel, _backlog.WrittenSpan[_backlogSent..]);
            _backlogSent += Math.Max(sent, 0);
            if (sent < 0 || _backlogSent == _backlog.WrittenCount)
            {
                _backlog.Clear();
                _backlogSent = 0;
                _channelWatch?.Change(Interest());
            }
        }
    }

    /// <summary>Reads once.</summary>
    /// <returns>Whether something came.</returns>
    private bool Receive()
    {
        if (_received.Length - _end < ReadBytes / 2)
        {
            Compact();
        }

        var count = Unistd.Read(_channel, _received.AsSpan(_end));
        if (count == 0)
        {
            lock (_sending)
            {
                _channelEnded = true;
                _channelWatch?.Change(0);
            }
        }

        _end += Math.Max(count, 0);
        return count > 0;
    }

    private void Compact()
    {
        var left = _end - _start;
        var next = left >= sizeof(uint) ? (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(_received.AsSpan(_start)), MaxFrameBytes) : 0;

        // Grows as bytes arrive, at most by doubling: a claimed length alone must not make the worker allocate.
        var wanted = Math.Max(Math.Min(sizeof(uint) + next, left * 2), left + ReadBytes);
        if (wanted > _received.Length || (left == 0 && _received.Length > ReadBytes))
        {
            var target = new byte[Math.Max(wanted, ReadBytes)];
            _received.AsSpan(_start, left).CopyTo(target);
            _received = target;
        }
        else
        {
            _received.AsSpan(_start, left).CopyTo(_received);
        }

        (_start, _end) = (0, left);
    }

    private void Deliver()
    {
        var printed = false;
        while (_end - _start >= sizeof(uint))
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(_received.AsSpan(_start));
            if (length > MaxFrameBytes)
            {
                Violate($"It sent a message of {length} bytes; at most {MaxFrameBytes} are allowed.");
                return;
            }

            if (_end - _start - sizeof(uint) < length)
            {
                return;
            }

            RunnerFrame frame;
            try
            {
                frame = RunnerFrame.Parser.ParseFrom(_received.AsSpan(_start + sizeof(uint), (int)length));
            }
            catch (InvalidProtocolBufferException e)
            {
                Violate($"It sent a message that is damaged: {e.Message}");
                return;
            }

            _start += sizeof(uint) + (int)length;

            // Child processes printed into the pipes before the runner sent this frame; a result must come after what its input printed.
            if (!printed)
            {
                printed = true;
                ReadPipe(0, PipeBytes);
                ReadPipe(1, PipeBytes);
            }

            _events.OnFrame(frame);
        }

        if (_start == _end)
        {
            _start = _end = 0;
        }
    }

    private void Violate(string what)
    {
        lock (_sending)
        {
            _channelEnded = true;
            _channelWatch?.Change(0);
        }

        _start = _end = 0;
        _onViolation(what);
    }

    private void ReadPipe(int index, int limit)
    {
        if (_pipeEnded[index] || _disposed)
        {
            _pipeWatches[index]?.Change(0);
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(PipeBytes);
        while (limit > 0)
        {
            var count = Unistd.Read(_pipes[index], buffer.AsSpan(0, Math.Min(PipeBytes, limit)));
            if (count <= 0)
            {
                if (count == 0)
                {
                    _pipeEnded[index] = true;
                    _pipeWatches[index]?.Change(0);
                }

                break;
            }

            limit -= count;
            _events.OnOutput(index == 0 ? OutputSource.Stdout : OutputSource.Stderr, buffer.AsSpan(0, count));
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }
}
