using System.Buffers;
using System.Text;

namespace Modal.Backend.Images.Layers.Archives;

/// <summary>
/// Reads tar archives of all forms that occur: v7, ustar, pax, GNU, with long names and sparse files. .NET's own reader takes names and attributes for text, refuses
/// those that are not, and does not know sparse files, which then have a wrong content. Entries are read one after the other, by one thread.
/// </summary>
internal sealed class TarArchive(Stream archive)
{
    // As Go's reader, with which most layers are read, has it; names have at most 4 KiB, and a set of attributes 64 KiB.
    private const int MaxHeaderBytes = 1024 * 1024;

    private readonly byte[] _block = new byte[TarBlock.Size];
    private readonly PaxRecords _global = new();
    private EntryStream? _data;
    private long _padding;

    /// <summary>Reads the next entry.</summary>
    /// <returns>Null at the end.</returns>
    /// <exception cref="LayerException">The archive is damaged or cut off.</exception>
    public async ValueTask<TarArchiveEntry?> ReadAsync(CancellationToken cancellationToken)
    {
        var pax = new PaxRecords(_global);
        byte[]? longName = null, longLink = null;
        while (await ReadHeaderAsync(cancellationToken))
        {
            var block = new TarBlock(_block);
            var kind = block.Kind;
            var name = Encoding.UTF8.GetString(block.Path);
            var stored = TarKind.IsHeaderOnly(kind) ? 0 : kind is TarKind.ExtendedHeader or TarKind.GlobalHeader ? block.SizeBytes : pax.Number("size", block.SizeBytes);
            if (stored < 0)
            {
                throw new LayerException($"The archive is damaged: '{name}' has {stored} bytes.");
            }

            Open(stored, name);
            switch (kind)
            {
                case TarKind.ExtendedHeader:
                    pax.Add(await ReadAllAsync(name, cancellationToken));
                    break;
                case TarKind.GlobalHeader:
                    _global.Add(await ReadAllAsync(name, cancellationToken));
                    pax = new PaxRecords(_global);
                    break;
                case TarKind.GnuLongName:
                    longName = Trim(await ReadAllAsync(name, cancellationToken));
                    break;
                case TarKind.GnuLongLink:
                    longLink = Trim(await ReadAllAsync(name, cancellationToken));
                    break;
                case TarKind.GnuVolumeLabel:
                    break;
                default:
                    return await MakeAsync(pax, longName, longLink, stored, cancellationToken);
            }
        }

        return null;
    }

    private async ValueTask<TarArchiveEntry> MakeAsync(PaxRecords pax, byte[]? longName, byte[]? longLink, long stored, CancellationToken cancellationToken)
    {
        var block = new TarBlock(_block);
        var kind = block.Kind;
        var path = pax["GNU.sparse.name"] ?? pax["path"] ?? longName ?? block.Path;
        var target = pax["linkpath"] ?? longLink ?? block.LinkName.ToArray();
        var name = Encoding.UTF8.GetString(path);
        var (permissions, uid, gid) = (block.Mode, Owner(pax.Number("uid", block.Uid), name), Owner(pax.Number("gid", block.Gid), name));
        var modified = pax.Time("mtime", block.ModifiedSeconds);
        var size = kind == TarKind.GnuSparse && block.IsGnu ? block.RealSizeBytes : pax.Number("GNU.sparse.realsize", pax.Number("GNU.sparse.size", stored));

        // Before pax and GNU, folders were files with such a name.
        if (kind is TarKind.OldFile or TarKind.File && path is [.., (byte)'/'])
        {
            kind = TarKind.Folder;
        }

        var map = await ReadMapAsync(kind, pax, cancellationToken);
        map?.Check(size, _data!.Remaining);
        return new TarArchiveEntry
        {
            Kind = kind switch
            {
                TarKind.OldFile or TarKind.ContiguousFile or TarKind.GnuSparse => TarKind.File,
                TarKind.GnuDumpFolder => TarKind.Folder,
                _ => kind,
            },
            Path = path,
            Target = target,
            Permissions = permissions,
            Uid = uid,
            Gid = gid,
            Modified = modified,
            Attributes = pax.Attributes(),
            SizeBytes = map is null ? stored : size,
            HoleBytes = map is null ? 0 : size - map.DataBytes,
            Content = map is null ? _data! : new SparseStream(_data!, map, size),
        };
    }

    // Null for a file without holes. There are four forms, one by GNU's own headers and three by pax ones.
    private async ValueTask<SparseMap?> ReadMapAsync(byte kind, PaxRecords pax, CancellationToken cancellationToken)
    {
        var map = new SparseMap();
        if (kind == TarKind.GnuSparse)
        {
            var block = new TarBlock(_block);
            map.AddHeaders(block.SparseRanges);
            for (var more = block.HasMoreRanges; more; more = _block[504] != 0)
            {
                // Such blocks are not counted as data.
                await FillAsync(_block, cancellationToken);
                map.AddHeaders(_block.AsSpan(0, 21 * SparseMap.RangeSize));
            }

            return map;
        }

        if (kind is not (TarKind.File or TarKind.OldFile))
        {
            return null;
        }

        if (pax["GNU.sparse.major"] is [(byte)'1'])
        {
            await ReadMapBeforeDataAsync(map, cancellationToken);
        }
        else if (pax["GNU.sparse.map"] is { } text)
        {
            map.AddText(text);
        }
        else if (pax["GNU.sparse.size"] is not null)
        {
            for (var i = 0; i + 1 < pax.Ranges.Count; i += 2)
            {
                map.Add(pax.Ranges[i], pax.Ranges[i + 1]);
            }
        }
        else
        {
            return pax["GNU.sparse.major"] is null ? null : throw new LayerException("The archive has a sparse file of a form that this program does not know: make it without --sparse.");
        }

        return map;
    }

    // Lines: the number of ranges, then offset and length of each, filled up to whole blocks.
    private async ValueTask ReadMapBeforeDataAsync(SparseMap map, CancellationToken cancellationToken)
    {
        long? left = null;
        long? offset = null;
        var line = new ArrayBufferWriter<byte>(32);
        while (left is not 0)
        {
            await FillAsync(_data!, _block, cancellationToken);
            foreach (var b in _block)
            {
                if (b != '\n')
                {
                    if (line.WrittenCount > 20)
                    {
                        throw new LayerException("The archive is damaged: of a sparse file, a part of it has no number.");
                    }

                    line.GetSpan(1)[0] = b;
                    line.Advance(1);
                    continue;
                }

                var value = SparseMap.ParseLine(line.WrittenSpan);
                line.ResetWrittenCount();
                if (left is null)
                {
                    left = value;
                }
                else if (offset is null)
                {
                    offset = value;
                }
                else
                {
                    map.Add(offset.Value, value);
                    offset = null;
                    left--;
                }

                if (left is 0)
                {
                    break;
                }
            }
        }
    }

    private void Open(long sizeBytes, string name) => (_data, _padding) = (new EntryStream(archive, sizeBytes, name), -sizeBytes & (TarBlock.Size - 1));

    private async ValueTask<bool> ReadHeaderAsync(CancellationToken cancellationToken)
    {
        await SkipAsync(cancellationToken);
        await FillAsync(_block, cancellationToken);
        if (!_block.AsSpan().ContainsAnyExcept((byte)0))
        {
            return false;
        }

        return new TarBlock(_block).HasRightSum() ? true : throw new LayerException("The archive is damaged or no tar archive: a header has a wrong sum.");
    }

    private async ValueTask SkipAsync(CancellationToken cancellationToken)
    {
        if (_data is null)
        {
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            while (await _data.ReadAsync(buffer, cancellationToken) > 0)
            {
                // Nobody wanted it.
            }

            await FillAsync(buffer.AsMemory(0, (int)_padding), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask<byte[]> ReadAllAsync(string name, CancellationToken cancellationToken)
    {
        if (_data!.Remaining > MaxHeaderBytes)
        {
            throw new LayerException($"The archive has a header '{name}' of {_data.Remaining:N0} bytes; {MaxHeaderBytes:N0} are possible.");
        }

        var bytes = new byte[_data.Remaining];
        await FillAsync(_data, bytes, cancellationToken);
        return bytes;
    }

    private ValueTask FillAsync(Memory<byte> buffer, CancellationToken cancellationToken) => FillAsync(archive, buffer, cancellationToken);

    private static async ValueTask FillAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken) < buffer.Length)
        {
            throw new LayerException("The archive is cut off: it ends before its end mark.");
        }
    }

    private static byte[] Trim(byte[] text) => text.AsSpan().IndexOf((byte)0) is var end and >= 0 ? text[..end] : text;

    private static uint Owner(long id, string name) =>
        id is >= 0 and <= uint.MaxValue ? (uint)id : throw new LayerException($"The archive's entry '{name}' has the owner {id}, which no file can have.");
}
