using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>One head's rows in host memory: float32 in place, other storages through a float32 copy.</summary>
internal static unsafe class CpuHeads
{
    /// <summary>Floats a copy of <paramref name="rows"/> rows takes; 0 where none is needed.</summary>
    public static long Count<T>(int rows, int width, Precision precision) => IsInPlace<T>(precision) ? 0 : (long)rows * width;

    /// <summary>Rows as float32, rounded: the memory itself, or a copy in <paramref name="copy"/>.</summary>
    public static float* Widen<T>(HeadMemory<T> heads, int image, int head, int first, int rows, int width, Precision precision, float* copy, out nint stride) where T : unmanaged, IStorage<T>
    {
        T* source = heads.Values.Address + heads.First(image, head) + ((long)first * heads.TokenStride);
        if (IsInPlace<T>(precision))
        {
            stride = heads.TokenStride;
            return (float*)source;
        }
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < width; c++) copy[((nint)r * width) + c] = T.ToSingle(source[((nint)r * heads.TokenStride) + c]);
        }
        // bfloat16 is exact in every format that it is multiplied in.
        if (typeof(T) == typeof(Single32)) OperandRounding.Round(copy, (nint)rows * width, precision);
        stride = width;
        return copy;
    }

    private static bool IsInPlace<T>(Precision precision) => typeof(T) == typeof(Single32) && precision == Precision.Single;

    /// <summary>Where float32 results go: the memory itself, or <paramref name="copy"/>, which <see cref="Store"/> then writes.</summary>
    public static float* Target<T>(HeadMemory<T> heads, int image, int head, int first, int width, float* copy, out nint stride) where T : unmanaged, IStorage<T>
    {
        if (typeof(T) != typeof(Single32))
        {
            stride = width;
            return copy;
        }
        stride = heads.TokenStride;
        return (float*)heads.Values.Address + heads.First(image, head) + ((long)first * heads.TokenStride);
    }

    /// <summary>Writes what <see cref="Target"/> gave, where it was a copy.</summary>
    public static void Store<T>(HeadMemory<T> heads, int image, int head, int first, int rows, int width, float* values) where T : unmanaged, IStorage<T>
    {
        if (typeof(T) == typeof(Single32)) return;
        T* target = heads.Values.Address + heads.First(image, head) + ((long)first * heads.TokenStride);
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < width; c++) target[((nint)r * heads.TokenStride) + c] = T.FromSingle(values[((nint)r * width) + c]);
        }
    }
}
