using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using StbImageWriteSharp;

namespace PixelDiT.Reference.Pictures;

/// <summary>Writes pictures as PNG.</summary>
public static class PngWriter
{
    /// <summary>Writes a file whole or not at all. Folders on the way are made.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="picture">What to write.</param>
    /// <param name="texts">What stands beside the pixels; null for nothing.</param>
    /// <exception cref="FileFormatException">The file cannot be written; the message names it and says why.</exception>
    public static void Write(string path, Picture picture, IReadOnlyList<PngText>? texts = null) => Write(path, ToBytes(picture, texts));

    /// <summary>Writes a picture that is transparent in places.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="picture">Its colours; 3 channels.</param>
    /// <param name="opacity">[H, W], 0 for transparent, 255 for opaque.</param>
    /// <param name="texts">What stands beside the pixels; null for nothing.</param>
    /// <exception cref="ShapeException">The picture is gray, or the sizes differ.</exception>
    /// <inheritdoc cref="Write(string, Picture, IReadOnlyList{PngText})" path="/exception"/>
    public static void Write(string path, Picture picture, byte[] opacity, IReadOnlyList<PngText>? texts = null)
    {
        if (picture.Channels != 3 || opacity.Length != picture.Width * picture.Height)
            throw new ShapeException($"a picture of {picture.Width} × {picture.Height} × {picture.Channels} with the opacity of {opacity.Length} pixels was to be written; colours and one number a pixel were expected");
        var pixels = new byte[checked(4 * opacity.Length)];
        for (int i = 0; i < opacity.Length; i++)
        {
            picture.Pixels.AsSpan(3 * i, 3).CopyTo(pixels.AsSpan(4 * i));
            pixels[(4 * i) + 3] = opacity[i];
        }
        Write(path, Encode(pixels, picture.Width, picture.Height, ColorComponents.RedGreenBlueAlpha, texts));
    }

    /// <summary>Writes the bytes of a PNG, whole or not at all. Folders on the way are made.</summary>
    /// <inheritdoc cref="Write(string, Picture, IReadOnlyList{PngText})" path="/exception"/>
    internal static void Write(string path, byte[] png)
    {
        if (path.Length == 0) throw new FileFormatException("a picture was to be written to a file without a name");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path)) ?? ".");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FileFormatException($"{path}: cannot be written: {SystemReason.Of(error)}", error);
        }
        AtomicFile.Write(path, stream => stream.Write(png));
    }

    /// <summary>Writes to a stream.</summary>
    /// <param name="stream">Left open, at the end of the PNG.</param>
    /// <param name="picture">What to write.</param>
    /// <param name="texts">What stands beside the pixels; null for nothing.</param>
    public static void Write(Stream stream, Picture picture, IReadOnlyList<PngText>? texts = null) => stream.Write(ToBytes(picture, texts));

    /// <summary>A PNG in memory.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="texts">What stands beside the pixels; null for nothing.</param>
    public static byte[] ToBytes(Picture picture, IReadOnlyList<PngText>? texts = null) => Encode(picture.Pixels, picture.Width, picture.Height, picture.Channels == 1 ? ColorComponents.Grey : ColorComponents.RedGreenBlue, texts);

    /// <summary>The texts stand before the pixels, where every reader finds them without reading these.</summary>
    private static byte[] Encode(byte[] pixels, int width, int height, ColorComponents components, IReadOnlyList<PngText>? texts)
    {
        using var png = new MemoryStream();
        new ImageWriter().WritePng(pixels, width, height, components, png);
        if (texts is null or []) return png.ToArray();
        using var whole = new MemoryStream();
        const int start = PngChunks.SignatureBytes + PngChunks.FrameBytes + PngChunks.HeaderBytes;
        whole.Write(png.GetBuffer(), 0, start);
        foreach (var text in texts) PngChunks.Write(whole, text);
        whole.Write(png.GetBuffer(), start, (int)png.Length - start);
        return whole.ToArray();
    }
}
