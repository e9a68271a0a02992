using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace PixelDiT.Reference.Formats.TensorBoard;

/// <summary>Writes the fields of a protocol buffer message one after the other: of the wire format what events need.</summary>
internal sealed class ProtobufWriter
{
    private const int Varint = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>The message so far.</summary>
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    /// <summary>A whole number; a negative one takes ten bytes.</summary>
    public ProtobufWriter Number(int field, long value)
    {
        Tag(field, Varint);
        return Unsigned(unchecked((ulong)value));
    }

    /// <summary>A number in double precision.</summary>
    public ProtobufWriter Double(int field, double value)
    {
        Tag(field, Fixed64);
        BinaryPrimitives.WriteDoubleLittleEndian(_bytes.GetSpan(sizeof(double)), value);
        _bytes.Advance(sizeof(double));
        return this;
    }

    /// <summary>A number in single precision.</summary>
    public ProtobufWriter Single(int field, float value)
    {
        Tag(field, Fixed32);
        BinaryPrimitives.WriteSingleLittleEndian(_bytes.GetSpan(sizeof(float)), value);
        _bytes.Advance(sizeof(float));
        return this;
    }

    /// <summary>A text in UTF-8.</summary>
    public ProtobufWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Another message.</summary>
    public ProtobufWriter Message(int field, ProtobufWriter message) => Bytes(field, message.Written);

    /// <summary>Bytes, which their number precedes.</summary>
    public ProtobufWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Tag(field, Delimited);
        Unsigned((ulong)value.Length);
        _bytes.Write(value);
        return this;
    }

    private void Tag(int field, int wire) => Unsigned(((ulong)field << 3) | (uint)wire);

    /// <summary>Seven bits a byte, the lowest first; the highest bit of a byte says that more follow.</summary>
    private ProtobufWriter Unsigned(ulong value)
    {
        while (value >= 0x80)
        {
            _bytes.Write([(byte)(value | 0x80)]);
            value >>= 7;
        }
        _bytes.Write([(byte)value]);
        return this;
    }
}
