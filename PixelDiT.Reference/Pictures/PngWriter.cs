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
    /// <exception cref="FileFormatException">The file cannot be written; the message names it and says why.</exception>
    public static void Write(string path, Picture picture) => Write(path, stream => Write(stream, picture));

    /// <summary>Writes a picture that is transparent in places.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="picture">Its colours; 3 channels.</param>
    /// <param name="opacity">[H, W], 0 for transparent, 255 for opaque.</param>
    /// <exception cref="ShapeException">The picture is gray, or the sizes differ.</exception>
    /// <inheritdoc cref="Write(string, Picture)" path="/exception"/>
    public static void Write(string path, Picture picture, byte[] opacity)
    {
        if (picture.Channels != 3 || opacity.Length != picture.Width * picture.Height)
            throw new ShapeException($"a picture of {picture.Width} × {picture.Height} × {picture.Channels} with the opacity of {opacity.Length} pixels was to be written; colours and one number a pixel were expected");
        var pixels = new byte[checked(4 * opacity.Length)];
        for (int i = 0; i < opacity.Length; i++)
        {
            picture.Pixels.AsSpan(3 * i, 3).CopyTo(pixels.AsSpan(4 * i));
            pixels[(4 * i) + 3] = opacity[i];
        }
        Write(path, stream => new ImageWriter().WritePng(pixels, picture.Width, picture.Height, ColorComponents.RedGreenBlueAlpha, stream));
    }

    private static void Write(string path, Action<Stream> write)
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
        AtomicFile.Write(path, write);
    }

    /// <summary>Writes to a stream.</summary>
    /// <param name="stream">Left open, at the end of the PNG.</param>
    /// <param name="picture">What to write.</param>
    public static void Write(Stream stream, Picture picture) => new ImageWriter().WritePng(
        picture.Pixels, picture.Width, picture.Height,
        picture.Channels == 1 ? ColorComponents.Grey : ColorComponents.RedGreenBlue, stream);
}
