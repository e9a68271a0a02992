using System.Buffers.Binary;
using System.Numerics;

namespace PixelDiT.Reference.Formats.TensorBoard;

/// <summary>
/// A record as TensorFlow frames it: its length (8 bytes), the check sum of the length (4), the data, the check sum of the data (4), all little-endian. A check sum is CRC-32C, turned by 15 bits and
/// moved by a constant, so that a sum over data that holds sums is still one.
/// </summary>
internal static class RecordFrame
{
    private const int LengthBytes = 8, SumBytes = 4, Turn = 15;
    private const uint Offset = 0xA282EAD8;

    /// <summary>The record with its frame.</summary>
    public static byte[] Of(ReadOnlySpan<byte> data)
    {
        var frame = new byte[LengthBytes + SumBytes + data.Length + SumBytes];
        BinaryPrimitives.WriteInt64LittleEndian(frame, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(LengthBytes), MaskedSum(frame.AsSpan(0, LengthBytes)));
        data.CopyTo(frame.AsSpan(LengthBytes + SumBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(frame.Length - SumBytes), MaskedSum(data));
        return frame;
    }

    /// <summary>The masked check sum of bytes.</summary>
    public static uint MaskedSum(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        for (; data.Length >= sizeof(ulong); data = data[sizeof(ulong)..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
        foreach (byte value in data) crc = BitOperations.Crc32C(crc, value);
        return unchecked(BitOperations.RotateRight(~crc, Turn) + Offset);
    }
}
