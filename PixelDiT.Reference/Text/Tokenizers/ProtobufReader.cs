using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>Reads the fields of one message of protocol buffers, within its bytes and never beyond.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message, string source, string part)
{
    private const int Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5;

    private ReadOnlySpan<byte> _rest = message;
    private int _wire;

    /// <summary>The number of the field whose value comes next.</summary>
    public int Field { get; private set; }

    /// <summary>Goes to the next field; false at the message's end. The value must then be read or skipped.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty) return false;
        ulong key = ReadVarint();
        if (key >> 3 is 0 or > (1 << 29) - 1) Refuse($"has a field of number {key >> 3}");
        (Field, _wire) = ((int)(key >> 3), (int)(key & 7));
        return true;
    }

    /// <summary>The value as a whole number.</summary>
    public long Number()
    {
        Expect(Varint, "a whole number");
        return (long)ReadVarint();
    }

    /// <summary>The value as true or false.</summary>
    public bool Truth() => Number() != 0;

    /// <summary>The value as a float of 32 bits.</summary>
    public float Single()
    {
        Expect(Fixed32, "a float");
        return BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));
    }

    /// <summary>The value as bytes: a text or a message.</summary>
    public ReadOnlySpan<byte> Span()
    {
        Expect(Bytes, "bytes");
        return Take(ReadVarint());
    }

    /// <summary>Passes over the value.</summary>
    public void Skip()
    {
        switch (_wire)
        {
            case Varint: ReadVarint(); break;
            case Fixed64: Take(sizeof(ulong)); break;
            case Bytes: Take(ReadVarint()); break;
            case Fixed32: Take(sizeof(uint)); break;
            default: Refuse($"has field {Field} in the wire format {_wire}, which is not used any more"); break;
        }
    }

    private readonly void Expect(int wire, string expected)
    {
        if (_wire != wire) Refuse($"has field {Field} in the wire format {_wire}; {expected} ({wire}) was expected");
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int i = 0; i < 10; i++)
        {
            if (i == _rest.Length) Refuse("ends too early");
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] >= 0x80) continue;
            _rest = _rest[(i + 1)..];
            return value;
        }
        Refuse("has a number of more than 10 bytes");
        return 0;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length) Refuse($"ends too early: {count} bytes were expected and {_rest.Length} are there");
        var taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    [DoesNotReturn]
    private readonly void Refuse(string why) => throw new FileFormatException($"{source}: {part} {why}; a tokenizer.model of SentencePiece was expected");
}
