using System.IO.Compression;
using System.Text;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Tests.Data.Archives;

/// <summary>A zip archive put together record by record, right or wrong.</summary>
internal sealed class ZipBytes
{
    private readonly MemoryStream _file = new(), _directory = new();
    private int _count;

    /// <summary>Whether sizes and places stand in the zip64 fields, as in an archive of more than 4 GiB.</summary>
    public bool IsZip64 { get; init; }

    /// <summary>Adds a file.</summary>
    public ZipBytes Add(string name, byte[] content, bool deflate = false, int? method = null, int flags = 0, uint? crc = null, int moveHeader = 0, string? localName = null)
    {
        byte[] packed = deflate ? Deflate(content) : content, bytes = Encoding.UTF8.GetBytes(name), local = Encoding.UTF8.GetBytes(localName ?? name);
        long header = _file.Length + moveHeader;
        uint sum = crc ?? Crc32.Append(0, content);
        int how = method ?? (deflate ? 8 : 0);
        using (var to = new BinaryWriter(_file, Encoding.UTF8, leaveOpen: true))
        {
            to.Write(ZipRecords.LocalSignature);
            Common(to, flags, how, sum, packed.Length, content.Length, local.Length, 0, false);
            to.Write(local);
            to.Write(packed);
        }
        using (var to = new BinaryWriter(_directory, Encoding.UTF8, leaveOpen: true))
        {
            to.Write(ZipRecords.CentralSignature);
            to.Write((ushort)45);
            Common(to, flags, how, sum, packed.Length, content.Length, bytes.Length, IsZip64 ? 28 : 0, IsZip64);
            to.Write(new byte[10]);
            to.Write(IsZip64 ? uint.MaxValue : (uint)header);
            to.Write(bytes);
            if (IsZip64)
            {
                to.Write((ushort)1);
                to.Write((ushort)24);
                to.Write((long)content.Length);
                to.Write((long)packed.Length);
                to.Write(header);
            }
        }
        _count++;
        return this;
    }

    /// <summary>Adds a text.</summary>
    public ZipBytes Add(string name, string content) => Add(name, Encoding.UTF8.GetBytes(content));

    /// <summary>The whole archive.</summary>
    public byte[] ToArray()
    {
        using var all = new MemoryStream();
        using var to = new BinaryWriter(all);
        long start = _file.Length, bytes = _directory.Length;
        to.Write(_file.ToArray());
        to.Write(_directory.ToArray());
        if (IsZip64)
        {
            to.Write(ZipRecords.End64Signature);
            to.Write(44L);
            to.Write(0x002D002D);
            to.Write(0L);
            to.Write((long)_count);
            to.Write((long)_count);
            to.Write(bytes);
            to.Write(start);
            to.Write(ZipRecords.LocatorSignature);
            to.Write(0);
            to.Write(start + bytes);
            to.Write(1);
        }
        to.Write(ZipRecords.EndSignature);
        to.Write(0);
        to.Write(IsZip64 ? ushort.MaxValue : (ushort)_count);
        to.Write(IsZip64 ? ushort.MaxValue : (ushort)_count);
        to.Write(IsZip64 ? uint.MaxValue : (uint)bytes);
        to.Write(IsZip64 ? uint.MaxValue : (uint)start);
        to.Write((ushort)0);
        return all.ToArray();
    }

    private static void Common(BinaryWriter to, int flags, int method, uint crc, int packed, int size, int name, int extra, bool hidesSizes)
    {
        to.Write((ushort)45);
        to.Write((ushort)flags);
        to.Write((ushort)method);
        to.Write(0x00210000);
        to.Write(crc);
        to.Write(hidesSizes ? uint.MaxValue : (uint)packed);
        to.Write(hidesSizes ? uint.MaxValue : (uint)size);
        to.Write((ushort)name);
        to.Write((ushort)extra);
    }

    private static byte[] Deflate(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var stream = new DeflateStream(packed, CompressionLevel.SmallestSize, leaveOpen: true)) stream.Write(content);
        return packed.ToArray();
    }
}
