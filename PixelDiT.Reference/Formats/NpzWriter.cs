namespace PixelDiT.Reference.Formats;

/// <summary>
/// Writes arrays as NumPy's <c>.npz</c>: a zip archive of stored <c>.npy</c> files, of any length. Values arrive piece by piece and are not kept. The bytes depend
/// on the arrays alone, so an archive that was interrupted can be gone on with: begun again over its first bytes, with <see cref="Keep"/> for the values there.
/// </summary>
/// <param name="stream">Where to write, from its position 0; readable and seekable. Left open.</param>
internal sealed class NpzWriter(Stream stream)
{
    private const int ChunkBytes = 1 << 20;

    private readonly List<StoredEntry> _entries = [];
    private StoredEntry _open;
    private long _end;

    /// <summary>Begins an array; the one before must be complete.</summary>
    /// <param name="name">The name to load it by, such as <c>arr_0</c>.</param>
    /// <param name="type">As in <see cref="NpyHeader.Build"/>.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="elementBytes">The length of an element.</param>
    public void Begin(string name, string type, IReadOnlyList<long> shape, int elementBytes)
    {
        Close();
        byte[] header = NpyHeader.Build(type, shape);
        _open = new StoredEntry($"{name}.npy", stream.Position, header.Length + checked(shape.Aggregate((long)elementBytes, (product, size) => product * size)), 0);
        byte[] local = ZipRecords.Local(_open);
        stream.Write(local);
        _end = stream.Position + _open.Bytes;
        Write(header);
    }

    /// <summary>The next values of the array, little-endian and row-major.</summary>
    public void Write(ReadOnlySpan<byte> values)
    {
        stream.Write(values);
        _open = _open with { Crc = Crc32.Append(_open.Crc, values) };
    }

    /// <summary>Goes over values that the stream holds already, and reads them for the check sum.</summary>
    /// <param name="bytes">Their length.</param>
    /// <exception cref="EndOfStreamException">The stream is shorter.</exception>
    public void Keep(long bytes)
    {
        var chunk = new byte[(int)Math.Min(bytes, ChunkBytes)];
        for (long left = bytes; left > 0; left -= chunk.Length)
        {
            var part = chunk.AsSpan(0, (int)Math.Min(left, chunk.Length));
            stream.ReadExactly(part);
            _open = _open with { Crc = Crc32.Append(_open.Crc, part) };
        }
    }

    /// <summary>Completes the archive: the last check sum and the directory.</summary>
    public void Finish()
    {
        Close();
        stream.Write(ZipRecords.Directory(_entries, stream.Position));
    }

    /// <summary>The check sum is known when all values are there, and stands before them.</summary>
    private void Close()
    {
        if (stream.Position != _end) throw new InvalidOperationException($"array {_open.Name} ends at byte {_end} and was left at byte {stream.Position}");
        if (_end == 0) return;
        stream.Position = _open.Header + ZipRecords.LocalCrcOffset;
        stream.Write(BitConverter.GetBytes(_open.Crc));
        stream.Position = _end;
        _entries.Add(_open);
    }
}
