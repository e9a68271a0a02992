using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace PixelDiT.Tests.Text.Tokenizers;

/// <summary>Makes files of SentencePiece by hand, well-formed or not.</summary>
internal static class SentencePieceBytes
{
    /// <summary>A field of bytes.</summary>
    public static byte[] Field(int number, params byte[] value) => [.. Varint((ulong)number << 3 | 2), .. Varint((ulong)value.Length), .. value];

    /// <summary>A field of a whole number.</summary>
    public static byte[] Number(int number, long value) => [.. Varint((ulong)number << 3), .. Varint((ulong)value)];

    /// <summary>A piece with its score and type.</summary>
    public static byte[] Piece(string text, float score, int type)
    {
        byte[] bits = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bits, score);
        return Field(1, [.. Field(1, Encoding.UTF8.GetBytes(text)), .. Varint(2 << 3 | 5), .. bits, .. Number(3, type)]);
    }

    /// <summary>Padding, ends, unknown and the 256 bytes: what every file begins with.</summary>
    public static byte[] Beginning() =>
    [
        .. Piece("<pad>", 0, 3), .. Piece("<eos>", 0, 3), .. Piece("<bos>", 0, 3), .. Piece("<unk>", 0, 2),
        .. Enumerable.Range(0, 256).SelectMany(value => Piece(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), 0, 6))
    ];

    /// <summary>The trainer's message: BPE with bytes.</summary>
    public static byte[] Trainer(int model = 2, bool bytes = true, long bos = 2, long pad = 0) => Field(2, [.. Number(3, model), .. Number(35, bytes ? 1 : 0), .. Number(41, bos), .. Number(43, pad)]);

    /// <summary>The normalizer's message: nothing but escaped spaces.</summary>
    public static byte[] Normalizer() => Field(3, [.. Number(3, 0), .. Number(4, 0)]);

    private static byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7) bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }
}
