using System.Buffers.Binary;
using Modal.Backend.Runner.Native;
using Modal.Protocol;

namespace Modal.Backend.Runner.Channel;

/// <summary>Cuts what the worker sends into frames. For one thread at a time.</summary>
internal sealed class FrameReader(int descriptor)
{
    // Most batches of small inputs fit; larger frames get a buffer of their own size, given up afterwards.
    private const int UsualSizeBytes = 64 * 1024;

    private byte[] _buffer = new byte[UsualSizeBytes];
    private int _start;
    private int _end;

    /// <summary>Blocks for the next frame; null when the worker is gone.</summary>
    public WorkerFrame? Read()
    {
        if (!Fill(sizeof(uint)))
        {
            return null;
        }

        var length = checked((int)BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(_start)));
        if (!Fill(sizeof(uint) + length))
        {
            return null;
        }

        var frame = WorkerFrame.Parser.ParseFrom(_buffer.AsSpan(_start + sizeof(uint), length));
        _start += sizeof(uint) + length;
        if (_start == _end)
        {
            _start = _end = 0;
            if (_buffer.Length > UsualSizeBytes)
            {
                _buffer = new byte[UsualSizeBytes];
            }
        }

        return frame;
    }

    private bool Fill(int needed)
    {
        while (_end - _start < needed)
        {
            if (_buffer.Length - _start < needed)
            {
                var target = _buffer.Length >= needed ? _buffer : new byte[needed];
                _buffer.AsSpan(_start, _end - _start).CopyTo(target);
                _buffer = target;
                _end -= _start;
                _start = 0;
            }

            var count = Unistd.Read(descriptor, _buffer.AsSpan(_end));
            if (count == 0)
            {
                return false;
            }

            _end += count;
        }

        return true;
    }
}
