using System.Buffers.Binary;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Pictures;

/// <summary>
/// Pictures that follow one another in one PNG (APNG), without loss. A program that knows only PNG shows the still one, which is no frame of it.
/// </summary>
public static class AnimatedPng
{
    private const int FrameControlBytes = 26;

    // Parts of a second that a frame's time is counted in.
    private const ushort Parts = 1000;

    /// <summary>Writes an animation that is shown again and again.</summary>
    /// <param name="stream">Left open, at the end of the PNG.</param>
    /// <param name="still">What a program shows that knows no animations.</param>
    /// <param name="frames">At least one; of the still picture's size.</param>
    /// <param name="milliseconds">How long a frame is seen; 1 to 65535.</param>
    /// <param name="lastMilliseconds">How long the last one is.</param>
    /// <param name="texts">What stands beside the pixels; null for nothing.</param>
    /// <exception cref="ShapeException">There is no frame, or one is of another size.</exception>
    public static void Write(Stream stream, Picture still, IReadOnlyList<Picture> frames, ushort milliseconds, ushort lastMilliseconds, IReadOnlyList<PngText>? texts = null)
    {
        if (frames.Count == 0) throw new ShapeException("an animation without frames was to be written; it needs at least one");
        if (frames.FirstOrDefault(frame => (frame.Width, frame.Height, frame.Channels) != (still.Width, still.Height, still.Channels)) is { } odd)
            throw new ShapeException($"an animation has frames of one size; found {still.Width} × {still.Height} × {still.Channels} and {odd.Width} × {odd.Height} × {odd.Channels}");
        byte[] shown = PngWriter.ToBytes(still, texts);
        stream.Write(PngChunks.Signature);
        uint sequence = 0;
        bool isBegun = false;
        foreach (var (name, content) in PngChunks.Of(shown))
        {
            if (name == PngChunks.Pixels && !isBegun) Begin(stream, frames.Count);
            isBegun |= name == PngChunks.Pixels;
            if (name == PngChunks.End) Frames();
            PngChunks.Write(stream, name, shown.AsSpan(content));
        }

        void Frames()
        {
            byte[] control = new byte[FrameControlBytes];
            foreach (var (i, frame) in frames.Index())
            {
                BinaryPrimitives.WriteUInt32BigEndian(control, sequence++);
                BinaryPrimitives.WriteInt32BigEndian(control.AsSpan(4), frame.Width);
                BinaryPrimitives.WriteInt32BigEndian(control.AsSpan(8), frame.Height);
                BinaryPrimitives.WriteUInt16BigEndian(control.AsSpan(20), i < frames.Count - 1 ? milliseconds : lastMilliseconds);
                BinaryPrimitives.WriteUInt16BigEndian(control.AsSpan(22), Parts);
                PngChunks.Write(stream, PngChunks.FrameControl, control);
                byte[] png = PngWriter.ToBytes(frame);
                foreach (var (_, pixels) in PngChunks.Of(png).Where(chunk => chunk.Name == PngChunks.Pixels))
                {
                    byte[] numbered = [0, 0, 0, 0, .. png.AsSpan(pixels)];
                    BinaryPrimitives.WriteUInt32BigEndian(numbered, sequence++);
                    PngChunks.Write(stream, PngChunks.FramePixels, numbered);
                }
            }
        }
    }

    private static void Begin(Stream stream, int frames)
    {
        // The number of frames, and 0: without end.
        Span<byte> control = stackalloc byte[8];
        control.Clear();
        BinaryPrimitives.WriteInt32BigEndian(control, frames);
        PngChunks.Write(stream, PngChunks.AnimationControl, control);
    }
}
