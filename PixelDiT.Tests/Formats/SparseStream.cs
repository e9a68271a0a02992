namespace PixelDiT.Tests.Formats;

/// <summary>A read-only file of any length that needs no room: some first bytes, then bytes that a function of their position gives.</summary>
internal sealed class SparseStream(byte[] start, long length, Func<long, byte> content) : Stream
{
    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => length;
    public override long Position { get; set; }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Min(buffer.Length, length - Position);
        for (int i = 0; i < count; i++, Position++) buffer[i] = Position < start.Length ? start[Position] : content(Position);
        return count;
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => Position,
        _ => length
    };

    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() { }
}
