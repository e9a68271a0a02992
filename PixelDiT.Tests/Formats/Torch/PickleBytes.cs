using System.Buffers.Binary;
using System.Text;

namespace PixelDiT.Tests.Formats.Torch;

/// <summary>Writes pickles and stored zip archives byte by byte, right or wrong.</summary>
internal static class PickleBytes
{
    private static readonly Encoding s_latin1 = Encoding.Latin1;

    /// <summary>Joins parts: a string gives its Latin-1 bytes, an int or char a byte, an array itself.</summary>
    public static byte[] Join(params object[] parts) => [.. parts.SelectMany(part => part switch
    {
        string text => s_latin1.GetBytes(text),
        byte[] bytes => bytes,
        char letter => [(byte)letter],
        int value => (byte[])[checked((byte)value)],
        _ => throw new ArgumentException($"{part}")
    })];

    public static byte[] I32(long value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)value);
        return bytes;
    }

    public static byte[] I64(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }

    public static byte[] Text(string text) => Join('X', I32(text.Length), text);

    public static byte[] Number(long value) => Join(0x8A, 8, I64((ulong)value));

    public static byte[] Tuple(params long[] items) => Join('(', Join([.. items.Select(Number)]), 't');

    /// <summary>A tensor as torch.save writes it.</summary>
    public static byte[] Tensor(string storage, string key, long count, long offset, long[] shape, long[] strides) => Join(
        "ctorch._utils\n_rebuild_tensor_v2\n", "((", Text("storage"), $"ctorch\n{storage}\n", Text(key), Text("cpu"), Number(count), "tQ",
        Number(offset), Tuple(shape), Tuple(strides), 0x89, "ccollections\nOrderedDict\n)RtR");

    /// <summary>A pickle of protocol 2 of a dict with these entries: each a key's text and a value's opcodes.</summary>
    public static byte[] Dict(params (string Key, byte[] Value)[] entries) => Join(0x80, 2, "}(", Join([.. entries.Select(entry => Join(Text(entry.Key), entry.Value))]), "u.");

    /// <summary>An archive as torch.save writes it: the pickle, and storages under their keys.</summary>
    public static byte[] Archive(byte[] pickle, params (string Key, byte[] Data)[] storages)
        => new ZipBytes([new("a/data.pkl", pickle), .. storages.Select(storage => new ZipPart($"a/data/{storage.Key}", storage.Data))]).ToArray();
}

/// <summary>One entry of an archive, with what may be said wrongly of it.</summary>
internal sealed record ZipPart(string Name, byte[] Data)
{
    public int Method { get; init; }
    public int Flags { get; init; }
    public long? SizeSaid { get; init; }
    public long? OffsetSaid { get; init; }
    public string? LocalName { get; init; }
}

/// <summary>A zip archive of stored entries.</summary>
internal sealed record ZipBytes(ZipPart[] Parts)
{
    public bool Zip64 { get; init; }
    public long? CountSaid { get; init; }

    /// <summary>Bytes of the last entry, behind its data, that are counted and left out.</summary>
    public long Gap { get; init; }

    public byte[] ToArray()
    {
        var file = new MemoryStream();
        var directory = new MemoryStream();
        foreach (var part in Parts)
        {
            long offset = part.OffsetSaid ?? file.Position, size = part.SizeSaid ?? part.Data.Length + (part == Parts[^1] ? Gap : 0);
            byte[] extra = Zip64 ? PickleBytes.Join(1, 0, 24, 0, PickleBytes.I64((ulong)size), PickleBytes.I64((ulong)size), PickleBytes.I64((ulong)offset)) : [];
            byte[] sizes = Zip64 ? [.. Enumerable.Repeat((byte)0xFF, 8)] : PickleBytes.Join(PickleBytes.I32(size), PickleBytes.I32(size));
            string local = part.LocalName ?? part.Name;
            file.Write(PickleBytes.Join("PK\x03\x04", 0, 0, part.Flags, 8, part.Method, 0, PickleBytes.I32(0), PickleBytes.I32(0), sizes, part.Name.Length, 0, 0, 0, local));
            file.Write(part.Data);
            directory.Write(PickleBytes.Join("PK\x01\x02", 0, 0, 0, 0, part.Flags, 8, part.Method, 0, PickleBytes.I32(0), PickleBytes.I32(0), sizes, part.Name.Length, 0,
                extra.Length, 0, 0, 0, 0, 0, 0, 0, PickleBytes.I32(0), Zip64 ? PickleBytes.I32(0xFFFFFFFF) : PickleBytes.I32(offset), part.Name, extra));
        }
        long start = file.Position + Gap, count = CountSaid ?? Parts.Length;
        file.Write(directory.ToArray());
        if (Zip64)
        {
            long end = file.Position + Gap;
            file.Write(PickleBytes.Join("PK\x06\x06", PickleBytes.I64(44), new byte[12], PickleBytes.I64((ulong)count), PickleBytes.I64((ulong)count), PickleBytes.I64((ulong)directory.Length), PickleBytes.I64((ulong)start)));
            file.Write(PickleBytes.Join("PK\x06\x07", PickleBytes.I32(0), PickleBytes.I64((ulong)end), PickleBytes.I32(1)));
            (count, start) = (0xFFFF, 0xFFFFFFFF);
        }
        byte[] short16 = PickleBytes.I32(count)[..2];
        file.Write(PickleBytes.Join("PK\x05\x06", 0, 0, 0, 0, short16, short16, PickleBytes.I32(directory.Length), PickleBytes.I32(start), 0, 0));
        return file.ToArray();
    }
}
