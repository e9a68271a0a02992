using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Numpy;

/// <summary>An array of an archive.</summary>
/// <param name="Name">The name to load it by, such as <c>arr_0</c>.</param>
/// <param name="Type">NumPy's name of the element type, such as <c>|u1</c>, <c>&lt;f4</c> or <c>&lt;f8</c>.</param>
/// <param name="Shape">The sizes; empty for a scalar.</param>
public sealed record NpzEntry(string Name, string Type, IReadOnlyList<long> Shape)
{
    /// <summary>Elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => checked(product * size));
}

/// <summary>
/// Reads NumPy's <c>.npz</c>: a zip archive of <c>.npy</c> arrays, stored or deflated. Names, types and shapes are read and checked when it is opened; numbers are read from one end to the other, so arrays may be larger than memory, and what
/// was read to the end is held against the archive's check sum. Row-major numbers of one byte, and little-endian float32, float64 and int64, are read.
/// </summary>
public sealed partial class NpzReader : IDisposable
{
    private const int MostHeader = 1 << 16, MostEntries = 1 << 12, Magic = 8;
    private const string Ending = ".npy";

    private readonly ZipArchive _archive;
    private readonly Dictionary<string, (NpzEntry Entry, ZipArchiveEntry File, long Header)> _entries = new(StringComparer.Ordinal);

    private NpzReader(Stream stream, string source)
    {
        Source = source;
        _archive = new ZipArchive(stream, ZipArchiveMode.Read);
        if (_archive.Entries.Count > MostEntries) throw Error($"has {_archive.Entries.Count} entries; at most {MostEntries} were expected");
        foreach (var file in _archive.Entries.Where(file => file.FullName.EndsWith(Ending, StringComparison.Ordinal)))
        {
            var (entry, header) = Describe(file);
            if (!_entries.TryAdd(entry.Name, (entry, file, header))) throw Error($"has two arrays {Quote.Text(entry.Name)}");
        }
        if (_entries.Count == 0) throw Error("holds no arrays; an archive of NumPy was expected");
    }

    /// <summary>Opens a file.</summary>
    /// <exception cref="FileFormatException">It cannot be read, is no zip archive, or an array's header breaks a rule; the message names it.</exception>
    public static NpzReader Open(string path)
    {
        var stream = AtomicFile.OpenRead(path);
        try
        {
            return Guard(path, () => new NpzReader(stream, path));
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>How messages call the file.</summary>
    public string Source { get; }

    /// <summary>The arrays.</summary>
    public IEnumerable<NpzEntry> Entries => _entries.Values.Select(entry => entry.Entry);

    /// <summary>Whether there is an array of that name.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>An array of that name.</summary>
    /// <exception cref="FileFormatException">There is none.</exception>
    public NpzEntry this[string name] => Find(name).Entry;

    /// <summary>A whole array of float32 or float64.</summary>
    /// <exception cref="FileFormatException">There is no such array, it is of other elements, too large for memory, cut short, or its check sum is wrong.</exception>
    public double[] ReadDoubles(string name)
    {
        if (this[name].Type == "<f4") return Array.ConvertAll(Whole<float>(name, "<f4"), value => (double)value);
        return Whole<double>(name, "<f8");
    }

    /// <summary>A whole array of float32.</summary>
    /// <inheritdoc cref="ReadDoubles" path="/exception"/>
    public float[] ReadSingles(string name) => Whole<float>(name, "<f4");

    /// <summary>A whole array of 64-bit whole numbers.</summary>
    /// <inheritdoc cref="ReadDoubles" path="/exception"/>
    public long[] ReadIntegers(string name) => Whole<long>(name, "<i8");

    /// <summary>A whole array of bytes.</summary>
    /// <inheritdoc cref="ReadDoubles" path="/exception"/>
    public byte[] ReadBytes(string name) => Whole<byte>(name, "|u1");

    /// <summary>The rows of an array of bytes, one after the other: its first size says how many, the others how long they are.</summary>
    /// <param name="name">The array, of two sizes or more.</param>
    /// <exception cref="FileFormatException">There is no such array, it is of other elements, cut short, or its check sum is wrong, which is known after the last row.</exception>
    public IEnumerable<byte[]> ReadRows(string name)
    {
        var (entry, file, header) = Find(name);
        if (entry.Type != "|u1" || entry.Shape.Count < 2) throw Error($"array {Quote.Text(name)} is of type {entry.Type} and shape [{string.Join(", ", entry.Shape)}]; rows of bytes (|u1) were expected");
        long bytes = entry.Shape[0] == 0 ? 0 : entry.Count / entry.Shape[0];
        if (bytes > Array.MaxLength) throw Error($"array {Quote.Text(name)} has rows of {bytes} bytes; at most {Array.MaxLength} were expected");
        var (stream, crc) = Guard(Source, () => Begin(file, header));
        using (stream)
        {
            for (long row = 0; row < entry.Shape[0]; row++)
            {
                byte[] values = new byte[bytes];
                Guard(Source, () => Fill(stream, values, name));
                crc = Crc32.Append(crc, values);
                yield return values;
            }
        }
        Check(file, name, crc);
    }

    private T[] Whole<T>(string name, string type) where T : unmanaged
    {
        var (entry, file, header) = Find(name);
        if (entry.Type != type) throw Error($"array {Quote.Text(name)} is of type {entry.Type}; {type} was expected");
        if (entry.Count > Array.MaxLength) throw Error($"array {Quote.Text(name)} has {entry.Count} elements; at most {Array.MaxLength} fit into memory at once");
        T[] values = new T[entry.Count];
        uint crc = Guard(Source, () =>
        {
            var (stream, sum) = Begin(file, header);
            using (stream)
            {
                for (int first = 0; first < values.Length;)
                {
                    int count = Math.Min(values.Length - first, 1 << 18);
                    var part = MemoryMarshal.AsBytes(values.AsSpan(first, count));
                    Fill(stream, part, name);
                    sum = Crc32.Append(sum, part);
                    first += count;
                }
            }
            return sum;
        });
        Check(file, name, crc);
        return values;
    }

    /// <summary>A stream behind an array's header, and the check sum so far.</summary>
    private static (Stream Stream, uint Crc) Begin(ZipArchiveEntry file, long header)
    {
        var stream = file.Open();
        byte[] start = new byte[header];
        stream.ReadExactly(start);
        return (stream, Crc32.Append(0, start));
    }

    private bool Fill(Stream stream, Span<byte> values, string name)
        => stream.ReadAtLeast(values, values.Length, throwOnEndOfStream: false) == values.Length ? true : throw Error($"array {Quote.Text(name)} is cut short");

    private void Check(ZipArchiveEntry file, string name, uint crc)
    {
        if (file.Crc32 != crc) throw Error($"array {Quote.Text(name)} has the check sum {crc:X8}; the archive says {file.Crc32:X8}: it is damaged");
    }

    private (NpzEntry Entry, ZipArchiveEntry File, long Header) Find(string name)
        => _entries.TryGetValue(name, out var found) ? found : throw Error($"has no array {Quote.Text(name)}; it has {string.Join(", ", _entries.Keys.Take(8).Select(known => Quote.Text(known)))}");

    private (NpzEntry Entry, long Header) Describe(ZipArchiveEntry file)
    {
        string name = file.FullName[..^Ending.Length];
        using var stream = file.Open();
        byte[] start = new byte[Magic + 4];
        if (stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length || !start.AsSpan(0, 6).SequenceEqual<byte>([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'])) throw Error($"array {Quote.Text(name)} does not begin as NumPy's arrays do");
        bool isOld = start[6] == 1;
        if (start[6] is < 1 or > 3) throw Error($"array {Quote.Text(name)} is of version {start[6]} of NumPy's format; 1 to 3 were expected");
        long length = isOld ? BitConverter.ToUInt16(start, Magic) : BitConverter.ToUInt32(start, Magic);
        if (length > MostHeader) throw Error($"array {Quote.Text(name)} has a header of {length} bytes; at most {MostHeader} were expected");
        int here = isOld ? 2 : 0;
        byte[] rest = new byte[length - Math.Min(here, length)];
        if (stream.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false) < rest.Length) throw Error($"array {Quote.Text(name)} is cut short in its header");
        string text = Encoding.Latin1.GetString([.. start.AsSpan(start.Length - here), .. rest]);
        var match = Header().Match(text);
        if (!match.Success) throw Error($"array {Quote.Text(name)} has the header {Quote.Text(text)}; a type of numbers, an order and a shape were expected");
        if (match.Groups["order"].Value == "True") throw Error($"array {Quote.Text(name)} is stored column after column; row-major order was expected");
        List<long> shape = [];
        foreach (string size in match.Groups["shape"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            shape.Add(long.TryParse(size.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : throw Error($"array {Quote.Text(name)} has the shape ({match.Groups["shape"].Value}); whole numbers were expected"));
        }
        string type = match.Groups["type"].Value;
        int element = type switch { "|u1" or "|b1" or "|i1" => 1, "<f4" or "<i4" or "<u4" => 4, "<f8" or "<i8" or "<u8" => 8, "<f2" or "<i2" or "<u2" => 2, _ => 0 };
        var entry = new NpzEntry(name, type, shape);
        long header = Magic + (isOld ? 2 : 4) + length, expected;
        try
        {
            expected = checked(header + (entry.Count * element));
        }
        catch (OverflowException)
        {
            throw Error($"array {Quote.Text(name)} has the shape [{string.Join(", ", shape)}], which no file holds");
        }
        if (element > 0 && file.Length != expected) throw Error($"array {Quote.Text(name)} of {type} [{string.Join(", ", shape)}] has {file.Length} bytes; {expected} were expected");
        return (entry, header);
    }

    private FileFormatException Error(string problem) => new($"{Source}: {problem}");

    private static T Guard<T>(string source, Func<T> act)
    {
        try
        {
            return act();
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw new FileFormatException($"{source}: is no archive of NumPy, or damaged: its zip records cannot be read", error);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{source}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _archive.Dispose();

    [GeneratedRegex(@"^\s*\{\s*'descr'\s*:\s*'(?<type>[^']{1,16})'\s*,\s*'fortran_order'\s*:\s*(?<order>True|False)\s*,\s*'shape'\s*:\s*\((?<shape>[0-9L,\s]*)\)\s*,?\s*\}\s*$", RegexOptions.NonBacktracking)]
    private static partial Regex Header();
}
