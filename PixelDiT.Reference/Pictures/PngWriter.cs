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
    public static void Write(string path, Picture picture)
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
        AtomicFile.Write(path, stream => Write(stream, picture));
    }

    /// <summary>Writes to a stream.</summary>
    /// <param name="stream">Left open, at the end of the PNG.</param>
    /// <param name="picture">What to write.</param>
    public static void Write(Stream stream, Picture picture) => new ImageWriter().WritePng(
        picture.Pixels, picture.Width, picture.Height,
        picture.Channels == 1 ? ColorComponents.Grey : ColorComponents.RedGreenBlue, stream);
}
