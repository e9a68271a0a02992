using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace PixelDiT.Tests.Formats;

/// <summary>An array of an npz, read without the code under test: .NET's own archive reader, and the npy header by its specification.</summary>
internal sealed record NpzArray(string Type, long[] Shape, byte[] Values)
{
    public static NpzArray Read(Stream archive, string name)
    {
        using var zip = new ZipArchive(archive, ZipArchiveMode.Read, leaveOpen: true);
        var entry = zip.GetEntry($"{name}.npy") ?? throw new InvalidDataException($"there is no {name}.npy");
        using var stream = entry.Open();
        var (type, shape) = ReadHeader(stream);
        var values = new MemoryStream();
        stream.CopyTo(values);
        return new NpzArray(type, shape, values.ToArray());
    }

    public static NpzArray Read(string path, string name)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, name);
    }

    /// <summary>Magic, version 1.0, the header's length in 16 bits, a Python dict padded with spaces to a multiple of 64 with a line feed at the end.</summary>
    public static (string Type, long[] Shape) ReadHeader(Stream stream)
    {
        var start = new byte[10];
        stream.ReadExactly(start);
        if (!start.AsSpan(0, 8).SequenceEqual((byte[])[0x93, .. "NUMPY"u8, 1, 0])) throw new InvalidDataException("no npy of version 1.0");
        var text = new byte[start[8] | (start[9] << 8)];
        stream.ReadExactly(text);
        if ((text.Length + 10) % 64 != 0 || text[^1] != '\n') throw new InvalidDataException("the header is not aligned");
        var dict = Regex.Match(Encoding.ASCII.GetString(text), @"^\{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([0-9, ]+)\), \} *\n$");
        if (!dict.Success) throw new InvalidDataException("the header is no dict");
        return (dict.Groups[1].Value, [.. dict.Groups[2].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(long.Parse)]);
    }
}
