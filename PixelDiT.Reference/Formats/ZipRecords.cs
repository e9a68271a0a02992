using System.Buffers.Binary;
using System.Text;

namespace PixelDiT.Reference.Formats;

/// <summary>A file stored in an archive without compression.</summary>
/// <param name="Name">Its name, in ASCII.</param>
/// <param name="Header">Where its local header lies, from the start of the archive.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Crc">Its check sum.</param>
internal readonly record struct StoredEntry(string Name, long Header, long Bytes, uint Crc);

/// <summary>
/// The records of a zip archive around stored files (PKWARE's APPNOTE 4.3 and 4.5). A length or a place of 2³² − 1 and above goes into the zip64 fields;
/// below, there are none. Every date is the format's first, 1 January 1980.
/// </summary>
internal static class ZipRecords
{
    /// <summary>What the records begin with.</summary>
    public const uint LocalSignature = 0x04034B50, CentralSignature = 0x02014B50, EndSignature = 0x06054B50, LocatorSignature = 0x07064B50, End64Signature = 0x06064B50;

    /// <summary>The lengths of the records without names and extra fields.</summary>
    public const int LocalBytes = 30, CentralBytes = 46, EndBytes = 22, LocatorBytes = 20, End64Bytes = 56;

    /// <summary>Where a local header holds the check sum.</summary>
    public const int LocalCrcOffset = 14;

    private const ushort Version = 20, Version64 = 45, FirstDate = 0x21, Zip64Field = 1;

    /// <summary>The header that stands before a file.</summary>
    public static byte[] Local(StoredEntry entry) => Write(to =>
    {
        bool large = IsLarge(entry.Bytes);
        to.Write(LocalSignature);
        Common(to, entry, large);
        to.Write((ushort)(large ? 20 : 0));
        to.Write(Encoding.ASCII.GetBytes(entry.Name));
        if (large) Extra(to, entry.Bytes, entry.Bytes);
    });

    /// <summary>The directory and the end records, which close an archive.</summary>
    /// <param name="entries">Every file.</param>
    /// <param name="start">Where the directory begins, from the start of the archive.</param>
    public static byte[] Directory(IReadOnlyList<StoredEntry> entries, long start) => Write(to =>
    {
        foreach (var entry in entries) Central(to, entry);
        long bytes = to.BaseStream.Length;
        bool large = IsLarge(start);
        if (large)
        {
            to.Write(End64Signature);
            to.Write((long)End64Bytes - 12);
            to.Write(Version64);
            to.Write(Version64);
            to.Write(0L);
            to.Write((long)entries.Count);
            to.Write((long)entries.Count);
            to.Write(bytes);
            to.Write(start);
            to.Write(LocatorSignature);
            to.Write(0);
            to.Write(start + bytes);
            to.Write(1);
        }
        to.Write(EndSignature);
        to.Write(0);
        to.Write((ushort)entries.Count);
        to.Write((ushort)entries.Count);
        to.Write((uint)bytes);
        to.Write(Short(start));
        to.Write((ushort)0);
    });

    private static void Central(BinaryWriter to, StoredEntry entry)
    {
        long[] large = [.. (IsLarge(entry.Bytes) ? (long[])[entry.Bytes, entry.Bytes] : []), .. (IsLarge(entry.Header) ? (long[])[entry.Header] : [])];
        to.Write(CentralSignature);
        to.Write(large.Length > 0 ? Version64 : Version);
        Common(to, entry, large.Length > 0);
        to.Write((ushort)(large.Length > 0 ? 4 + (large.Length * 8) : 0));
        to.Write((ushort)0);
        to.Write((ushort)0);
        to.Write((ushort)0);
        to.Write(0);
        to.Write(Short(entry.Header));
        to.Write(Encoding.ASCII.GetBytes(entry.Name));
        if (large.Length > 0) Extra(to, large);
    }

    /// <summary>What both headers of a file hold, from the version to the length of the name.</summary>
    private static void Common(BinaryWriter to, StoredEntry entry, bool large)
    {
        to.Write(large ? Version64 : Version);
        to.Write((ushort)0);
        to.Write((ushort)0);
        to.Write((ushort)0);
        to.Write(FirstDate);
        to.Write(entry.Crc);
        to.Write(Short(entry.Bytes));
        to.Write(Short(entry.Bytes));
        to.Write((ushort)entry.Name.Length);
    }

    private static void Extra(BinaryWriter to, params ReadOnlySpan<long> values)
    {
        to.Write(Zip64Field);
        to.Write((ushort)(values.Length * 8));
        foreach (long value in values) to.Write(value);
    }

    private static bool IsLarge(long value) => value >= uint.MaxValue;

    private static uint Short(long value) => IsLarge(value) ? uint.MaxValue : (uint)value;

    private static byte[] Write(Action<BinaryWriter> write)
    {
        var bytes = new MemoryStream();
        using (var to = new BinaryWriter(bytes)) write(to);
        return bytes.ToArray();
    }

    /// <summary>Takes 64-bit values from the zip64 field, which holds just those that their 32 bits could not, in this order.</summary>
    /// <returns>Whether all that are needed were there.</returns>
    public static bool Widen(ReadOnlySpan<byte> extra, ref ulong size, ref ulong packed, ref ulong header)
    {
        if (size != uint.MaxValue && packed != uint.MaxValue && header != uint.MaxValue) return true;
        while (extra.Length >= 4 && U16(extra, 2) is var length && length <= extra.Length - 4)
        {
            var field = extra.Slice(4, length);
            if (U16(extra, 0) == Zip64Field) return Take(ref field, ref size) && Take(ref field, ref packed) && Take(ref field, ref header);
            extra = extra[(4 + length)..];
        }
        return false;
    }

    private static bool Take(ref ReadOnlySpan<byte> field, ref ulong value)
    {
        if (value != uint.MaxValue) return true;
        if (field.Length < sizeof(ulong)) return false;
        value = U64(field, 0);
        field = field[sizeof(ulong)..];
        return true;
    }

    /// <summary>A little-endian number of 16 bits.</summary>
    public static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    /// <summary>A little-endian number of 32 bits.</summary>
    public static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    /// <summary>A little-endian number of 64 bits.</summary>
    public static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
