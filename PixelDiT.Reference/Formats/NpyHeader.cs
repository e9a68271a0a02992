using System.Buffers.Binary;
using System.Text;

namespace PixelDiT.Reference.Formats;

/// <summary>What stands before the values of an array in NumPy's <c>.npy</c> format, version 1.0: the magic bytes, a length, and a Python dict padded with spaces.</summary>
internal static class NpyHeader
{
    /// <summary>Bytes.</summary>
    public const string UInt8 = "|u1";

    /// <summary>Float32, little-endian.</summary>
    public const string Float32 = "<f4";

    /// <summary>Float64, little-endian.</summary>
    public const string Float64 = "<f8";

    /// <summary>Whole numbers of 64 bits, little-endian.</summary>
    public const string Int64 = "<i8";

    private const int Alignment = 64, FixedBytes = 10;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];

    /// <summary>The header of a row-major array; its length is a multiple of 64.</summary>
    /// <param name="type">NumPy's name of the element type, such as <see cref="UInt8"/>.</param>
    /// <param name="shape">One size or more.</param>
    public static byte[] Build(string type, IReadOnlyList<long> shape)
    {
        string tuple = shape.Count == 1 ? $"({shape[0]},)" : $"({string.Join(", ", shape)})";
        string text = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {tuple}, }}";
        int bytes = (FixedBytes + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        var header = new byte[bytes];
        header.AsSpan().Fill((byte)' ');
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(Magic.Length), checked((ushort)(bytes - FixedBytes)));
        Encoding.ASCII.GetBytes(text, header.AsSpan(FixedBytes));
        header[^1] = (byte)'\n';
        return header;
    }
}
