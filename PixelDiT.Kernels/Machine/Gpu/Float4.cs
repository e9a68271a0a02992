using ILGPU;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>Four float32 values side by side in a row, in registers of a GPU thread.</summary>
internal struct Float4
{
    public float X, Y, Z, W;

    /// <summary>Four values as bfloat16.</summary>
    public static UInt2 Round(Float4 values) => new() { X = Rounding.ToBFloat16(values.X, values.Y), Y = Rounding.ToBFloat16(values.Z, values.W) };

    /// <summary>Four bfloat16 values.</summary>
    public static Float4 Widen(UInt2 bits) => new()
    {
        X = Interop.IntAsFloat(bits.X << 16),
        Y = Interop.IntAsFloat(bits.X & 0xFFFF0000u),
        Z = Interop.IntAsFloat(bits.Y << 16),
        W = Interop.IntAsFloat(bits.Y & 0xFFFF0000u)
    };

    /// <summary>Eight values as bfloat16.</summary>
    public static UInt4 Round(Float4 low, Float4 high) => new()
    {
        X = Rounding.ToBFloat16(low.X, low.Y),
        Y = Rounding.ToBFloat16(low.Z, low.W),
        Z = Rounding.ToBFloat16(high.X, high.Y),
        W = Rounding.ToBFloat16(high.Z, high.W)
    };

    /// <summary>The first four of eight bfloat16 values.</summary>
    public static Float4 WidenLow(UInt4 bits) => Widen(new UInt2 { X = bits.X, Y = bits.Y });

    /// <summary>The last four of eight bfloat16 values.</summary>
    public static Float4 WidenHigh(UInt4 bits) => Widen(new UInt2 { X = bits.Z, Y = bits.W });

    /// <summary>The values of a fragment's bits.</summary>
    public static Float4 AsFloats(UInt4 bits) => new()
    {
        X = Interop.IntAsFloat(bits.X),
        Y = Interop.IntAsFloat(bits.Y),
        Z = Interop.IntAsFloat(bits.Z),
        W = Interop.IntAsFloat(bits.W)
    };

    /// <summary>a + b.</summary>
    public static Float4 Add(Float4 a, Float4 b) => new() { X = a.X + b.X, Y = a.Y + b.Y, Z = a.Z + b.Z, W = a.W + b.W };

    /// <summary>Four elements, the first at a multiple of four of an aligned tensor.</summary>
    public static Float4 Read<T>(DeviceView<T> view, long index) where T : unmanaged, IStorage<T>
        => T.ElementType == ElementType.BFloat16 ? Widen(Memory.LoadGlobalPair(view.Start + (index * 2))) : AsFloats(Memory.LoadGlobal(view.Start + (index * 4), 1));

    /// <summary>Writes four elements, rounded to the storage, the first at a multiple of four of an aligned tensor.</summary>
    public static void Write<T>(DeviceView<T> view, long index, Float4 values) where T : unmanaged, IStorage<T>
    {
        if (T.ElementType == ElementType.BFloat16) Memory.StoreGlobal(view.Start + (index * 2), Round(values));
        else
        {
            Memory.StoreGlobal(view.Start + (index * 4), new UInt4
            {
                X = Interop.FloatAsInt(values.X),
                Y = Interop.FloatAsInt(values.Y),
                Z = Interop.FloatAsInt(values.Z),
                W = Interop.FloatAsInt(values.W)
            });
        }
    }
}
