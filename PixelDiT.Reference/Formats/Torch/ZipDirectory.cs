using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;
using static PixelDiT.Reference.Formats.ZipRecords;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>One stored file inside an archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Header">Where its local header lies, from the start of the file.</param>
/// <param name="Offset">Where its first byte lies, from the start of the file.</param>
/// <param name="Bytes">Its length in the archive.</param>
/// <param name="Problem">Why it cannot be read, in words that can follow its name; null where it is stored as it is.</param>
internal readonly record struct ZipEntry(string Name, long Header, long Offset, long Bytes, string? Problem = null);

/// <summary>
/// The directory of a zip archive, zip64 included. Everything is checked when it is read: each name occurs once and stays within the archive, and no two entries share bytes. Entries that
/// are compressed or encrypted are known by name and not read.
/// </summary>
internal sealed class ZipDirectory
{
    private const int LongestComment = 0xFFFF, LongestName = 1024, MaximumEntries = 1 << 16, MaximumBytes = 1 << 23;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Stream _stream;
    private readonly string _source;
    private readonly Dictionary<string, ZipEntry> _entries = new(StringComparer.Ordinal);

    /// <summary>Reads and checks the directory.</summary>
    /// <exception cref="FileFormatException">The archive breaks a rule; the message names the entry and the rule.</exception>
    public ZipDirectory(Stream stream, string source)
    {
        (_stream, _source) = (stream, source);
        var (start, bytes, count) = FindDirectory();
        byte[] directory = ReadBytes(start, (int)bytes);
        int at = 0;
        for (int i = 0; i < count; i++) at += AddEntry(directory.AsSpan(at), start);
        if (at != directory.Length) throw Error($"its directory has {directory.Length - at} bytes after its {count} entries");
        CheckOverlaps();
    }

    /// <summary>Whether a file begins as an archive does.</summary>
    public static bool Recognises(ReadOnlySpan<byte> start) => start is [(byte)'P', (byte)'K', 3 or 5, 4 or 6, ..];

    /// <summary>The entries under their names.</summary>
    public IReadOnlyDictionary<string, ZipEntry> Entries => _entries;

    private (long Start, long Bytes, int Count) FindDirectory()
    {
        if (_stream.Length < EndBytes) throw Error("it is shorter than the end record of a zip archive");
        int window = (int)Math.Min(_stream.Length, EndBytes + LongestComment);
        byte[] tail = ReadBytes(_stream.Length - window, window);
        int at = window - EndBytes;
        while (at >= 0 && !(U32(tail, at) == EndSignature && at + EndBytes + U16(tail, at + 20) == window)) at--;
        if (at < 0) throw Error("it has no end record of a zip archive; it may be cut short");
        long end = _stream.Length - window + at;
        ulong count = U16(tail, at + 10), bytes = U32(tail, at + 12), start = U32(tail, at + 16);
        if (U16(tail, at + 4) is not (0 or 0xFFFF)) throw Error("it is one of several volumes");
        if (count == 0xFFFF || bytes == uint.MaxValue || start == uint.MaxValue)
        {
            if (end < LocatorBytes) throw Error("its zip64 end record is missing");
            byte[] locator = ReadBytes(end - LocatorBytes, LocatorBytes);
            if (U32(locator, 0) != LocatorSignature) throw Error("its zip64 end record is missing");
            ulong place = U64(locator, 8);
            if (place > (ulong)_stream.Length || (long)place > end - LocatorBytes - End64Bytes) throw Error($"its zip64 end record is said to lie at byte {place}, outside the file");
            byte[] record = ReadBytes((long)place, End64Bytes);
            if (U32(record, 0) != End64Signature) throw Error("its zip64 end record is missing");
            (count, bytes, start, end) = (U64(record, 32), U64(record, 40), U64(record, 48), (long)place);
        }
        if (count > MaximumEntries || bytes > MaximumBytes) throw Error($"its directory has {count} entries in {bytes} bytes; at most {MaximumEntries} in {MaximumBytes} are read");
        if (count * CentralBytes > bytes) throw Error($"its directory promises {count} entries in {bytes} bytes");
        if (start > (ulong)end || bytes > (ulong)end - start) throw Error($"its directory is said to lie at bytes {start} to {start + bytes}, outside the file");
        return ((long)start, (long)bytes, (int)count);
    }

    private int AddEntry(ReadOnlySpan<byte> record, long directory)
    {
        if (record.Length < CentralBytes || U32(record, 0) != CentralSignature) throw Error($"entry {_entries.Count} of its directory is damaged");
        int nameBytes = U16(record, 28), extraBytes = U16(record, 30), bytes = CentralBytes + nameBytes + extraBytes + U16(record, 32);
        if (bytes > record.Length) throw Error($"entry {_entries.Count} of its directory is cut short");
        string name = NameOf(record.Slice(CentralBytes, nameBytes));
        int method = U16(record, 10);
        string? problem = (U16(record, 8) & 1) != 0 ? "is encrypted" : method != 0 ? $"is compressed (method {method}); torch.save stores entries as they are: unpack the archive and pack it again with zip -0 -r" : null;
        ulong packed = U32(record, 20), size = U32(record, 24), header = U32(record, 42);
        if (!Widen(record.Slice(CentralBytes + nameBytes, extraBytes), ref size, ref packed, ref header)) throw Error($"entry {Quote.Text(name)} lacks its 64-bit sizes");
        if (problem is null && packed != size) throw Error($"entry {Quote.Text(name)} is stored, but has sizes {packed} and {size}");
        if (header > (ulong)directory || directory - (long)header < LocalBytes) throw Error($"entry {Quote.Text(name)} is said to lie at byte {header}, outside the archive");

        Span<byte> local = stackalloc byte[LocalBytes];
        _stream.Position = (long)header;
        _stream.ReadExactly(local);
        if (U32(local, 0) != LocalSignature || U16(local, 8) != method || U16(local, 26) != nameBytes) throw Error($"entry {Quote.Text(name)} has no header where the directory says, or one that says otherwise");
        Span<byte> localName = stackalloc byte[LongestName];
        _stream.ReadExactly(localName[..nameBytes]);
        if (!localName[..nameBytes].SequenceEqual(record.Slice(CentralBytes, nameBytes))) throw Error($"entry {Quote.Text(name)} has another name in its own header");
        long offset = (long)header + LocalBytes + nameBytes + U16(local, 28);
        if (offset > directory || packed > (ulong)(directory - offset)) throw Error($"entry {Quote.Text(name)} reaches beyond the archive");
        if (!_entries.TryAdd(name, new ZipEntry(name, (long)header, offset, (long)packed, problem))) throw Error($"entry {Quote.Text(name)} occurs twice");
        return bytes;
    }

    private string NameOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > LongestName) throw Error($"an entry's name has {bytes.Length} bytes; 1 to {LongestName} were expected");
        string name;
        try
        {
            name = s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Error($"an entry's name is not UTF-8: {Quote.Bytes(bytes)}");
        }
        if (name[0] == '/' || name.Contains('\\') || name.Split('/').Contains("..")) throw Error($"entry {Quote.Text(name)} points outside the archive");
        return name;
    }

    private void CheckOverlaps()
    {
        ZipEntry? previous = null;
        foreach (var entry in _entries.Values.OrderBy(entry => entry.Header))
        {
            if (previous is { } before && before.Offset + before.Bytes > entry.Header) throw Error($"entries {Quote.Text(before.Name)} and {Quote.Text(entry.Name)} overlap");
            previous = entry;
        }
    }

    private byte[] ReadBytes(long start, int count)
    {
        byte[] bytes = new byte[count];
        _stream.Position = start;
        _stream.ReadExactly(bytes);
        return bytes;
    }

    private FileFormatException Error(string problem) => new($"{_source}: {problem}");
}
