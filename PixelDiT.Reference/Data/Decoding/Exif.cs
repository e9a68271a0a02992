using System.Buffers.Binary;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>
/// The orientation that a camera notes beside the pixels (EXIF, tag 0x0112): where the first row and the first column of the stored picture belong. 1 is upright,
/// 2 mirrored left to right, 3 upside down, 4 mirrored top to bottom, 5 to 8 lie on their side.
/// </summary>
internal static class Exif
{
    /// <summary>As stored.</summary>
    public const int Upright = 1;

    private const int OrientationTag = 0x0112, ShortType = 3, LongType = 4, EntryBytes = 12;

    /// <summary>The orientation in a block of EXIF data; upright where there is none, or none that means something.</summary>
    /// <param name="block">From the byte order mark on, or from the "Exif" before it.</param>
    public static int Orientation(ReadOnlySpan<byte> block)
    {
        if (block.StartsWith("Exif\0\0"u8)) block = block[6..];
        if (block.Length < 8) return Upright;
        bool little = block.StartsWith("II"u8);
        if (!little && !block.StartsWith("MM"u8)) return Upright;

        long directory = Word(block, 4, little);
        if (directory < 8 || directory > block.Length - 2) return Upright;
        int entries = Half(block, (int)directory, little);
        for (long at = directory + 2; entries > 0 && at + EntryBytes <= block.Length; at += EntryBytes, entries--)
        {
            var entry = block.Slice((int)at, EntryBytes);
            if (Half(entry, 0, little) != OrientationTag) continue;
            long value = Half(entry, 2, little) switch
            {
                ShortType => Half(entry, 8, little),
                LongType => Word(entry, 8, little),
                _ => Upright
            };
            return value is >= 1 and <= 8 && Word(entry, 4, little) == 1 ? (int)value : Upright;
        }
        return Upright;
    }

    private static int Half(ReadOnlySpan<byte> block, int at, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(block[at..]) : BinaryPrimitives.ReadUInt16BigEndian(block[at..]);

    private static long Word(ReadOnlySpan<byte> block, int at, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(block[at..]) : BinaryPrimitives.ReadUInt32BigEndian(block[at..]);
}
