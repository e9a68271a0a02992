namespace PixelDiT.Reference.Data.Decoding;

/// <summary>
/// A file in memory for a decoder that takes zeros behind the end for content and steps over its end: places stay inside the file, bytes asked for behind the
/// end are counted, and a decoder that goes on asking for them is stopped, whatever loop it is in.
/// </summary>
internal sealed class BoundedStream(byte[] file) : Stream
{
    private const int MostMissing = 1 << 16;

    private int _position;

    /// <summary>Bytes asked for that the file does not have.</summary>
    public int Missing { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => file.Length;

    public override long Position
    {
        get => _position;
        set => _position = (int)Math.Clamp(value, 0, file.Length);
    }

    public override int ReadByte()
    {
        if (_position < file.Length) return file[_position++];
        Miss(1);
        return -1;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int count = Math.Min(buffer.Length, file.Length - _position);
        file.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        if (count < buffer.Length) Miss(buffer.Length - count);
        return count;
    }

    public override long Seek(long offset, SeekOrigin origin)
    {
        long target = offset + origin switch { SeekOrigin.Begin => 0, SeekOrigin.Current => _position, _ => file.Length };
        if (target > file.Length) Miss((int)Math.Min(target - file.Length, MostMissing));
        Position = target;
        return _position;
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private void Miss(int bytes)
    {
        Missing += bytes;
        if (Missing > MostMissing) throw new EndOfStreamException("the file is cut short");
    }
}
