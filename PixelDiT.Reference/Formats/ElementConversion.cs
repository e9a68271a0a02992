using System.Numerics;
using System.Runtime.InteropServices;

namespace PixelDiT.Reference.Formats;

/// <summary>
/// Converts between stored elements and numbers. Stored elements are little-endian, as is every platform that .NET 10 and ILGPU both run on,
/// so bytes are reinterpreted in place.
/// </summary>
internal static class ElementConversion
{
    /// <summary>Decodes one stored element for each element of <paramref name="destination"/>; narrowing rounds to nearest even.</summary>
    /// <param name="type">A readable type.</param>
    /// <param name="source">destination.Length elements.</param>
    /// <param name="destination">float, double or long; long only for integer types.</param>
    /// <exception cref="OverflowException">A U64 beyond the range of long.</exception>
    public static void Decode<T>(DataType type, ReadOnlySpan<byte> source, Span<T> destination) where T : unmanaged, INumber<T>
    {
        switch (type)
        {
            case DataType.F64: Decode<double, T>(source, destination); break;
            case DataType.F32: Decode<float, T>(source, destination); break;
            case DataType.F16: Decode<Half, T>(source, destination); break;
            case DataType.BF16: DecodeBFloat16(MemoryMarshal.Cast<byte, ushort>(source), destination); break;
            case DataType.I64: Decode<long, T>(source, destination); break;
            case DataType.I32: Decode<int, T>(source, destination); break;
            case DataType.I16: Decode<short, T>(source, destination); break;
            case DataType.I8: Decode<sbyte, T>(source, destination); break;
            case DataType.U64: Decode<ulong, T>(source, destination); break;
            case DataType.U32: Decode<uint, T>(source, destination); break;
            case DataType.U16: Decode<ushort, T>(source, destination); break;
            case DataType.U8: Decode<byte, T>(source, destination); break;
            case DataType.Bool: DecodeBool(source, destination); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "a readable type was expected");
        }
    }

    /// <summary>Encodes every element of <paramref name="source"/>; narrowing rounds to nearest even, too large becomes infinite, NaN stays NaN.</summary>
    /// <param name="type">F64, F32, F16 or BF16.</param>
    /// <param name="source">The values.</param>
    /// <param name="destination">source.Length elements.</param>
    public static void Encode(DataType type, ReadOnlySpan<float> source, Span<byte> destination)
    {
        switch (type)
        {
            case DataType.F64: Encode(source, MemoryMarshal.Cast<byte, double>(destination)); break;
            case DataType.F32: MemoryMarshal.AsBytes(source).CopyTo(destination); break;
            case DataType.F16: Encode(source, MemoryMarshal.Cast<byte, Half>(destination)); break;
            case DataType.BF16: EncodeBFloat16(source, MemoryMarshal.Cast<byte, ushort>(destination)); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "F64, F32, F16 or BF16 was expected");
        }
    }

    private static void Decode<TStored, T>(ReadOnlySpan<byte> source, Span<T> destination)
        where TStored : unmanaged, INumber<TStored> where T : unmanaged, INumber<T>
    {
        if (typeof(TStored) == typeof(T))
        {
            source.CopyTo(MemoryMarshal.AsBytes(destination));
            return;
        }
        var stored = MemoryMarshal.Cast<byte, TStored>(source);
        for (int i = 0; i < destination.Length; i++) destination[i] = T.CreateChecked(stored[i]);
    }

    private static void DecodeBFloat16<T>(ReadOnlySpan<ushort> stored, Span<T> destination) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < destination.Length; i++) destination[i] = T.CreateChecked(BitConverter.UInt32BitsToSingle((uint)stored[i] << 16));
    }

    private static void DecodeBool<T>(ReadOnlySpan<byte> stored, Span<T> destination) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < destination.Length; i++) destination[i] = stored[i] == 0 ? T.Zero : T.One;
    }

    private static void Encode<TStored>(ReadOnlySpan<float> source, Span<TStored> stored) where TStored : unmanaged, INumber<TStored>
    {
        for (int i = 0; i < source.Length; i++) stored[i] = TStored.CreateChecked(source[i]);
    }

    private static void EncodeBFloat16(ReadOnlySpan<float> source, Span<ushort> stored)
    {
        for (int i = 0; i < source.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            // Rounding could carry a NaN's low bits into infinity; a NaN keeps its upper bits and is made quiet instead.
            stored[i] = float.IsNaN(source[i])
                ? (ushort)((bits >> 16) | 0x40)
                : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }
}
