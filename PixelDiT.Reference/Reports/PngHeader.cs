using System.Buffers.Binary;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Reports;

/// <summary>How a PNG file begins: eight bytes that no other file begins with, and its size.</summary>
internal static class PngHeader
{
    private const int WidthAt = 16, HeightAt = 20, Length = 24;

    /// <summary>A file's bytes; null where it is no PNG, or is not there any more.</summary>
    public static byte[]? Read(string path)
    {
        try
        {
            using var file = AtomicFile.OpenRead(path);
            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return bytes.Length >= Length && bytes.AsSpan().StartsWith(PngChunks.Signature) ? bytes : null;
        }
        catch (Exception error) when (error is FileFormatException || AtomicFile.IsFileSystemError(error))
        {
            return null;
        }
    }

    /// <summary>Width and height in pixels.</summary>
    public static (uint Width, uint Height) Size(byte[] png) => (BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(WidthAt)), BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(HeightAt)));
}
