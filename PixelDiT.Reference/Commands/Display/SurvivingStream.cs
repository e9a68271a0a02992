using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>
/// Standard output or error that may fail: a full disk behind a redirection, a closed descriptor, a terminal that is gone. What cannot be written is dropped and the first
/// reason is kept, so that the work behind it goes on and the exit code can say so.
/// </summary>
/// <param name="inner">Where to write; null where there is nothing that may be written to.</param>
internal sealed class SurvivingStream(Stream? inner) : Stream
{
    /// <summary>Why something could not be written; null as long as everything could.</summary>
    public string? Failure { get; private set; }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (inner is null)
        {
            Failure ??= "it is closed";
            return;
        }
        try
        {
            inner.Write(buffer);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error) || error is ObjectDisposedException)
        {
            Failure ??= SystemReason.Of(error);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        try
        {
            inner?.Flush();
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error) || error is ObjectDisposedException)
        {
            Failure ??= SystemReason.Of(error);
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}
