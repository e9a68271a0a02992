using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Data.Shards;

/// <summary>A file inside a tar.</summary>
/// <param name="Name">Its path there.</param>
/// <param name="Offset">Where its bytes begin.</param>
/// <param name="Bytes">How many there are.</param>
internal readonly record struct TarMember(string Name, long Offset, long Bytes);

/// <summary>
/// The tar files that data sets are sharded into: headers of 512 bytes with the name in bytes 0–99, the size in octal in bytes 124–135 and the type in byte 156, each followed by its data, padded to 512 bytes. Plain files
/// are members; folders, links and extended headers are passed over with their data. A header without a size ends the tar. Nothing is written anywhere: names only tell members apart. Not thread-safe.
/// </summary>
internal sealed class TarFile : IDisposable
{
    private const int BlockBytes = 512, NameBytes = 100, SizeOffset = 124, SizeBytes = 12, TypeOffset = 156;

    /// <summary>Members of a tar at most: one that has more is broken, or made to fill memory.</summary>
    private const int MostMembers = 1 << 20;

    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly Stream _stream;

    private TarFile(Stream stream, string source)
    {
        (_stream, Source) = (stream, source);
        Members = ReadHeaders();
    }

    /// <summary>The file's path; every message begins with it.</summary>
    public string Source { get; }

    /// <summary>The plain files in the order of the tar.</summary>
    public IReadOnlyList<TarMember> Members { get; }

    /// <summary>Opens a tar and reads its headers.</summary>
    /// <exception cref="FileFormatException">It cannot be read, is cut short, has a size that is no octal number, or a name that is not UTF-8, occurs twice or leads out of its folder.</exception>
    public static TarFile Open(string path) => Open(AtomicFile.OpenRead(path), path);

    /// <summary>Opens a tar that a stream holds; the stream belongs to it from here on.</summary>
    /// <inheritdoc cref="Open(string)"/>
    public static TarFile Open(Stream seekable, string source)
    {
        try
        {
            return new TarFile(seekable, source);
        }
        catch (Exception error)
        {
            seekable.Dispose();
            if (AtomicFile.IsFileSystemError(error)) throw new FileFormatException($"{source}: cannot be read: {SystemReason.Of(error)}", error);
            throw;
        }
    }

    /// <summary>A member's bytes.</summary>
    /// <param name="member">One of <see cref="Members"/>.</param>
    /// <param name="most">The bytes that are read at most.</param>
    /// <exception cref="FileFormatException">It has more, or cannot be read.</exception>
    public byte[] Read(TarMember member, int most)
    {
        if (member.Bytes > most) throw new FileFormatException($"{Source}: {Quote.Text(member.Name)} has {member.Bytes} bytes; at most {most} are read");
        try
        {
            byte[] bytes = GC.AllocateUninitializedArray<byte>((int)member.Bytes);
            _stream.Position = member.Offset;
            _stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{Source}: {Quote.Text(member.Name)} cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _stream.Dispose();

    private List<TarMember> ReadHeaders()
    {
        var members = new List<TarMember>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        Span<byte> header = stackalloc byte[BlockBytes];
        long length = _stream.Length;
        for (long place = 0; place < length;)
        {
            if (length - place < BlockBytes) throw new FileFormatException($"{Source}: ends {length - place} bytes into the header at byte {place}; the file may be cut short");
            _stream.Position = place;
            _stream.ReadExactly(header);
            if (!TrySize(header.Slice(SizeOffset, SizeBytes), place, out long bytes)) break;
            long data = place + BlockBytes;
            if (bytes > length - data) throw new FileFormatException($"{Source}: the header at byte {place} says {bytes} bytes of {Quote.Bytes(UntilNul(header[..NameBytes]))}, but only {length - data} follow; the file may be cut short");
            if (header[TypeOffset] is 0 or (byte)'0')
            {
                string name = Name(UntilNul(header[..NameBytes]), place);
                if (!names.Add(name)) throw new FileFormatException($"{Source}: {Quote.Text(name)} occurs twice; each name was expected once");
                members.Add(new TarMember(name, data, bytes));
                if (members.Count > MostMembers) throw new FileFormatException($"{Source}: has more than {MostMembers} files");
            }
            place = data + ((bytes + BlockBytes - 1) / BlockBytes * BlockBytes);
        }
        return members;
    }

    /// <summary>The octal size; false where the field is empty.</summary>
    private bool TrySize(ReadOnlySpan<byte> field, long place, out long bytes)
    {
        bytes = 0;
        var digits = UntilNul(field).Trim((byte)' ');
        if (digits.IsEmpty) return false;
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7') throw new FileFormatException($"{Source}: the size in the header at byte {place} is {Quote.Bytes(digits)}; an octal number was expected");
            bytes = (bytes * 8) + (digit - '0');
        }
        return true;
    }

    private string Name(ReadOnlySpan<byte> bytes, long place)
    {
        string name;
        try
        {
            name = s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException error)
        {
            throw new FileFormatException($"{Source}: the name in the header at byte {place}, {Quote.Bytes(bytes)}, is not UTF-8", error);
        }
        if (name.Split('/').Contains("..")) throw new FileFormatException($"{Source}: {Quote.Text(name)} leads out of its folder; names without \"..\" were expected");
        return name;
    }

    private static ReadOnlySpan<byte> UntilNul(ReadOnlySpan<byte> field) => field.IndexOf((byte)0) is >= 0 and var end ? field[..end] : field;
}
