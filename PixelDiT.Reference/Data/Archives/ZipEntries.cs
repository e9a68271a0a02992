using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;
using static PixelDiT.Reference.Formats.ZipRecords;

namespace PixelDiT.Reference.Data.Archives;

/// <summary>A file of an archive.</summary>
/// <param name="Header">Where its local header lies.</param>
/// <param name="Packed">Its bytes in the archive.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="Crc">Its check sum.</param>
/// <param name="IsDeflated">Whether it is compressed.</param>
/// <param name="Problem">Why it cannot be read, or null.</param>
internal readonly record struct ZipFileEntry(long Header, long Packed, long Size, uint Crc, bool IsDeflated, string? Problem);

/// <summary>The central directory of a zip archive, zip64 included, kept as the bytes it is and a place in them for each file; some 80 bytes a file (PKWARE's APPNOTE 4.3 to 4.5).</summary>
internal sealed class ZipEntries
{
    private const int LongestComment = 0xFFFF;

    private readonly byte[] _directory;
    private readonly int[] _records;
    private readonly string _path;
    private readonly long _start;

    private ZipEntries(byte[] directory, int count, string path, long start)
    {
        (_directory, _records, _path, _start) = (directory, new int[count], path, start);
        int at = 0;
        for (int i = 0; i < count; i++) at += Check(i, at);
        if (at != directory.Length) throw Error($"its directory has {directory.Length - at} bytes after its {count} entries");
    }

    /// <summary>Files and folders.</summary>
    public int Count => _records.Length;

    /// <summary>A name in UTF-8.</summary>
    public ReadOnlySpan<byte> NameOf(int index) => _directory.AsSpan(_records[index] + CentralBytes, U16(_directory, _records[index] + 28));

    /// <summary>What the directory says of a file.</summary>
    public ZipFileEntry this[int index]
    {
        get
        {
            var record = _directory.AsSpan(_records[index]);
            int flags = U16(record, 8), method = U16(record, 10), name = U16(record, 28);
            ulong packed = U32(record, 20), size = U32(record, 24), header = U32(record, 42);
            bool isWhole = Widen(record.Slice(CentralBytes + name, U16(record, 30)), ref size, ref packed, ref header);
            string? problem = (flags & 1) != 0 || method == 99 ? "is encrypted"
                : method is not (0 or 8) ? $"is compressed by method {method}, which is not read"
                : !isWhole ? "lacks its 64-bit sizes"
                : header > (ulong)_start || packed > (ulong)_start - header ? $"is said to lie at bytes {header} to {header + packed}, outside the archive"
                : method == 0 && packed != size ? $"is stored, but has sizes {packed} and {size}" : null;
            return new((long)header, (long)packed, (long)size, U32(record, 16), method == 8, problem);
        }
    }

    /// <summary>Reads the directory of an archive.</summary>
    /// <exception cref="FileFormatException">It is no archive, or damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ZipEntries Read(SafeFileHandle file, string path)
    {
        FileFormatException Problem(string problem) => new($"{path}: {problem}");
        long length = RandomAccess.GetLength(file);
        int window = (int)Math.Min(length, EndBytes + LongestComment);
        byte[] tail = ReadBytes(file, length - window, window, path);
        int at = window - EndBytes;
        while (at >= 0 && !(U32(tail, at) == EndSignature && at + EndBytes + U16(tail, at + 20) == window)) at--;
        if (at < 0) throw Problem("has no end record of a zip archive: it is none, or is cut short");
        long end = length - window + at;
        ulong count = U16(tail, at + 10), bytes = U32(tail, at + 12), start = U32(tail, at + 16);
        if (U16(tail, at + 4) is not (0 or 0xFFFF)) throw Problem("is one of several volumes of a zip archive; one file was expected");
        if (count == 0xFFFF || bytes == uint.MaxValue || start == uint.MaxValue)
        {
            byte[] locator = end < LocatorBytes ? new byte[LocatorBytes] : ReadBytes(file, end - LocatorBytes, LocatorBytes, path);
            if (U32(locator, 0) == LocatorSignature)
            {
                ulong place = U64(locator, 8);
                if (place > (ulong)Math.Max(0, end - LocatorBytes - End64Bytes)) throw Problem($"its zip64 end record is said to lie at byte {place}, outside the file");
                byte[] record = ReadBytes(file, (long)place, End64Bytes, path);
                if (U32(record, 0) != End64Signature) throw Problem("its zip64 end record is missing");
                (count, bytes, start, end) = (U64(record, 32), U64(record, 40), U64(record, 48), (long)place);
            }
            else if (bytes == uint.MaxValue || start == uint.MaxValue) throw Problem("its zip64 end record is missing");
        }
        if (start > (ulong)end || bytes > (ulong)end - start) throw Problem($"its directory is said to lie at bytes {start} to {start + bytes}, outside the file: it is damaged, or something stands before it");
        if (bytes > (ulong)Array.MaxLength || count * CentralBytes > bytes) throw Problem($"its directory promises {count} entries in {bytes} bytes");
        return new ZipEntries(ReadBytes(file, (long)start, (int)bytes, path), (int)count, path, (long)start);
    }

    /// <summary>A file's bytes in the archive.</summary>
    /// <exception cref="DataException">Its own header is not where the directory says, or says otherwise.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public byte[] ReadPacked(SafeFileHandle file, int index)
    {
        var entry = this[index];
        byte[] local = ReadBytes(file, entry.Header, LocalBytes, _path);
        if (U32(local, 0) != LocalSignature || U16(local, 8) != (entry.IsDeflated ? 8 : 0)) throw new DataException("is damaged: its header is not where the archive's directory says");
        long offset = entry.Header + LocalBytes + U16(local, 26) + U16(local, 28);
        if (entry.Packed > _start - offset) throw new DataException("is damaged: it reaches beyond the archive");
        var name = ReadBytes(file, entry.Header + LocalBytes, U16(local, 26), _path);
        if (!NameOf(index).SequenceEqual(name)) throw new DataException("is damaged: it has another name in its own header");
        return ReadBytes(file, offset, (int)entry.Packed, _path);
    }

    private int Check(int i, int at)
    {
        _records[i] = at;
        if (_directory.Length - at < CentralBytes || U32(_directory, at) != CentralSignature) throw Error($"entry {i} of its directory is damaged");
        int bytes = CentralBytes + U16(_directory, at + 28) + U16(_directory, at + 30) + U16(_directory, at + 32);
        if (bytes > _directory.Length - at) throw Error($"entry {i} of its directory is cut short");
        var name = NameOf(i);
        if (name.IsEmpty) throw Error($"entry {i} of its directory has no name");
        if (!Utf8.IsValid(name)) throw Error($"the name of entry {i} is not UTF-8: {Quote.Bytes(name)}");
        return bytes;
    }

    private static byte[] ReadBytes(SafeFileHandle file, long start, int count, string path)
    {
        byte[] bytes = new byte[count];
        for (int done = 0; done < count;)
        {
            int got = RandomAccess.Read(file, bytes.AsSpan(done), start + done);
            if (got == 0) throw new FileFormatException($"{path}: ends at byte {start + done}; it has become shorter, or is damaged");
            done += got;
        }
        return bytes;
    }

    private FileFormatException Error(string problem) => new($"{_path}: {problem}");
}
