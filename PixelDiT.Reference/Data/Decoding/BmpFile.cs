using System.Buffers.Binary;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>The header of a Windows bitmap, checked before a decoder sees the file.</summary>
internal static class BmpFile
{
    private const int FileHeader = 14;

    /// <summary>The size of the picture, whose rows are all in the file.</summary>
    /// <exception cref="DataException">It is damaged, cut short, or of a kind that is not read; the message is the reason.</exception>
    public static (int Width, int Height) Size(ReadOnlySpan<byte> file)
    {
        if (file.Length < FileHeader + 12) throw CutShort();
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(file[10..]), header = BinaryPrimitives.ReadUInt32LittleEndian(file[14..]);
        if (header is not (12 or 40 or 56 or 108 or 124)) throw new DataException($"the BMP has a header of {header} bytes, which is not read (12, 40, 56, 108 and 124 are)");
        if (file.Length < FileHeader + header) throw CutShort();

        var sizes = file[18..];
        bool isOld = header == 12;
        long width = isOld ? BinaryPrimitives.ReadUInt16LittleEndian(sizes) : BinaryPrimitives.ReadInt32LittleEndian(sizes);
        long height = Math.Abs(isOld ? BinaryPrimitives.ReadUInt16LittleEndian(sizes[2..]) : (long)BinaryPrimitives.ReadInt32LittleEndian(sizes[4..]));
        RgbaPicture.CheckSize(width, height);
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(sizes[(isOld ? 6 : 10)..]);
        uint compression = isOld ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(sizes[12..]);
        if (compression is 1 or 2) throw new DataException("the BMP is run-length encoded, which is not read");
        if (compression is not (0 or 3)) throw new DataException($"the BMP has compression {compression}, which is not read (0 and 3 are)");
        if (bits is not (1 or 4 or 8 or 16 or 24 or 32) || (compression == 3 && bits is not (16 or 32))) throw new DataException($"the BMP has {bits} bits a pixel, which is not read");

        long needed = ((width * bits) + 31) / 32 * 4 * height;
        // The last row of some writers lacks the bytes that only pad it.
        if (offset < FileHeader + header || offset > file.Length || file.Length - offset < needed - 3) throw CutShort();
        return ((int)width, (int)height);
    }

    private static DataException CutShort() => new("the BMP is cut short: its rows reach beyond the end of the file");
}
