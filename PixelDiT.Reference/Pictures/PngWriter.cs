using PixelDiT.Kernels;
using StbImageWriteSharp;

namespace PixelDiT.Reference.Pictures;

/// <summary>Writes pictures as PNG.</summary>
public static class PngWriter
{
    /// <summary>Writes a file whole or not at all: into a temporary file beside the target, which then takes its name. Folders on the way are made.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="picture">What to write.</param>
    /// <exception cref="FileFormatException">The file cannot be written; the message names it and says why.</exception>
    public static void Write(string path, Picture picture)
    {
        if (path.Length == 0) throw new FileFormatException("a picture was to be written to a file without a name");
        string whole = Path.GetFullPath(path);
        string temporary = $"{whole}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(whole) ?? ".");
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                Write(stream, picture);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, whole, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FileFormatException($"{path}: cannot be written ({error.Message})", error);
        }
        finally
        {
            if (File.Exists(temporary)) File.Delete(temporary);
        }
    }

    /// <summary>Writes to a stream.</summary>
    /// <param name="stream">Left open, at the end of the PNG.</param>
    /// <param name="picture">What to write.</param>
    public static void Write(Stream stream, Picture picture) => new ImageWriter().WritePng(
        picture.Pixels, picture.Width, picture.Height,
        picture.Channels == 1 ? ColorComponents.Grey : ColorComponents.RedGreenBlue, stream);
}
