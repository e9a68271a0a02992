using ILGPU;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>What the four lanes that share a row of an <see cref="Accumulator"/> make of their values; all lanes of the warp take part, and all four receive the same bits.</summary>
internal static class QuadReduce
{
    /// <summary>The sum.</summary>
    public static float Sum(float value)
    {
        value += Warp.ShuffleXor(value, 1);
        return value + Warp.ShuffleXor(value, 2);
    }

    /// <summary>The largest of numbers; a NaN is passed over.</summary>
    public static float Largest(float value)
    {
        value = Extremes.Max(value, Warp.ShuffleXor(value, 1));
        return Extremes.Max(value, Warp.ShuffleXor(value, 2));
    }

    /// <summary>The largest.</summary>
    public static float Max(float value)
    {
        float other = Warp.ShuffleXor(value, 1);
        value = value > other ? value : other;
        other = Warp.ShuffleXor(value, 2);
        return value > other ? value : other;
    }
}
