using System.Numerics;
using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>Rounds packed operands of a product in place, to the bits that <see cref="Rounding"/> gives.</summary>
internal static unsafe class OperandRounding
{
    /// <summary>Rounds values to a precision; to <see cref="Precision.Single"/> does nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(float* values, nint count, Precision precision)
    {
        if (precision == Precision.Single) return;
        uint* bits = (uint*)values;
        nint i = 0;
        for (; i + Vector<uint>.Count <= count; i += Vector<uint>.Count)
        {
            var vector = Vector.Load(bits + i);
            (precision == Precision.BFloat16 ? ToBFloat16(vector) : ToTensorFloat32(vector)).Store(bits + i);
        }
        for (; i < count; i++) values[i] = precision == Precision.BFloat16 ? BFloat16.ToSingle(BFloat16.FromSingle(values[i])) : BitConverter.UInt32BitsToSingle(Rounding.ToTensorFloat32(values[i]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> ToBFloat16(Vector<uint> bits)
    {
        var rounded = bits + new Vector<uint>(0x7FFF) + ((bits >> 16) & Vector<uint>.One);
        var isNaN = Vector.GreaterThan(bits & new Vector<uint>(0x7FFFFFFF), new Vector<uint>(0x7F800000));
        return Vector.ConditionalSelect(isNaN, bits | new Vector<uint>(0x400000), rounded) & new Vector<uint>(0xFFFF0000);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> ToTensorFloat32(Vector<uint> bits)
    {
        var exponent = new Vector<uint>(0x7F800000);
        var rounded = (bits + new Vector<uint>(0x1000)) & new Vector<uint>(0xFFFFE000);
        return Vector.ConditionalSelect(Vector.Equals(bits & exponent, exponent), bits, rounded);
    }
}
