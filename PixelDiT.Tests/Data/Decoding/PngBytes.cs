using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Tests.Data.Decoding;

/// <summary>PNG files put together chunk by chunk, right or wrong.</summary>
internal static class PngBytes
{
    public static readonly byte[] Signature = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>A file of chunks.</summary>
    public static byte[] File(params byte[][] chunks) => [.. Signature, .. chunks.SelectMany(chunk => chunk)];

    /// <summary>A chunk with its check sum.</summary>
    public static byte[] Chunk(string name, params byte[] content)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(name), .. content];
        return [.. Word(content.Length), .. body, .. Word((int)Crc32.Append(0, body))];
    }

    /// <summary>A header.</summary>
    public static byte[] Header(int width, int height, int depth = 8, int colour = 2, int interlace = 0) =>
        Chunk("IHDR", [.. Word(width), .. Word(height), (byte)depth, (byte)colour, 0, 0, (byte)interlace]);

    /// <summary>The end.</summary>
    public static byte[] End => Chunk("IEND");

    /// <summary>Rows of bytes as a chunk of pixels, without filters.</summary>
    public static byte[] Pixels(IEnumerable<byte[]> rows) => Chunk("IDAT", Zip(rows));

    /// <summary>Rows of bytes, without filters, compressed.</summary>
    public static byte[] Zip(IEnumerable<byte[]> rows, bool isRaw = false)
    {
        using var memory = new MemoryStream();
        using (Stream zip = isRaw ? new DeflateStream(memory, CompressionLevel.Optimal, true) : new ZLibStream(memory, CompressionLevel.Optimal, true))
        {
            foreach (byte[] row in rows)
            {
                zip.WriteByte(0);
                zip.Write(row);
            }
        }
        return memory.ToArray();
    }

    /// <summary>The same row again and again.</summary>
    public static IEnumerable<byte[]> Rows(int count, params byte[] row) => Enumerable.Repeat(row, count);

    /// <summary>A picture of 8 × 8 pixels of one colour.</summary>
    public static byte[] Plain(byte red, byte green, byte blue) =>
        File(Header(8, 8), Pixels(Rows(8, [.. Enumerable.Range(0, 8).SelectMany(_ => new[] { red, green, blue })])), End);

    /// <summary>A picture in colour whose pixels a function gives.</summary>
    public static byte[] Drawn(int width, int height, Func<int, int, (byte Red, byte Green, byte Blue)> pixel, params byte[][] before) =>
        File([Header(width, height), .. before, Pixels(Enumerable.Range(0, height).Select(y => Enumerable.Range(0, width).SelectMany(x => Bytes(pixel(x, y))).ToArray())), End]);

    /// <summary>Four bytes, the highest first.</summary>
    public static byte[] Word(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Bytes((byte Red, byte Green, byte Blue) colour) => [colour.Red, colour.Green, colour.Blue];
}
