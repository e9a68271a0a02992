using System.Runtime.Intrinsics;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>One head's rows in host memory: float32 in place; other storages, and joint sequences, through a float32 copy.</summary>
internal static unsafe class CpuHeads
{
    /// <summary>Floats a copy of <paramref name="rows"/> rows takes; 0 where none is needed.</summary>
    public static long Count<T>(HeadMemory<T> heads, int rows, int width, Precision precision) where T : unmanaged, IStorage<T> => IsInPlace(heads, precision) ? 0 : (long)rows * width;

    /// <summary>Rows as float32, rounded: the memory itself, or a copy in <paramref name="copy"/>.</summary>
    public static float* Widen<T>(HeadMemory<T> heads, int image, int head, int first, int rows, int width, Precision precision, float* copy, out nint stride) where T : unmanaged, IStorage<T>
    {
        if (IsInPlace(heads, precision))
        {
            stride = heads.TokenStride;
            return (float*)(heads.Values.Address + heads.Row(image, head, first));
        }
        for (int part = 0, r = 0; part < 2; part++)
        {
            int end = EndOf(heads, part, first, rows);
            if (r == end) continue;
            T* source = heads.Values.Address + heads.Row(image, head, first + r);
            for (; r < end; r++, source += heads.TokenStride)
            {
                float* row = copy + ((nint)r * width);
                if (typeof(T) == typeof(Single32)) Copy((float*)source, row, width);
                else for (int c = 0; c < width; c++) row[c] = T.ToSingle(source[c]);
            }
        }
        // bfloat16 is exact in every format that it is multiplied in.
        if (typeof(T) == typeof(Single32)) OperandRounding.Round(copy, (nint)rows * width, precision);
        stride = width;
        return copy;
    }

    /// <summary>Where float32 results go: the memory itself, or <paramref name="copy"/>, which <see cref="Store"/> then writes.</summary>
    public static float* Target<T>(HeadMemory<T> heads, int image, int head, int first, int width, float* copy, out nint stride) where T : unmanaged, IStorage<T>
    {
        if (!IsInPlace(heads, Precision.Single))
        {
            stride = width;
            return copy;
        }
        stride = heads.TokenStride;
        return (float*)(heads.Values.Address + heads.Row(image, head, first));
    }

    /// <summary>Writes what <see cref="Target"/> gave, where it was a copy.</summary>
    public static void Store<T>(HeadMemory<T> heads, int image, int head, int first, int rows, int width, float* values) where T : unmanaged, IStorage<T>
    {
        if (IsInPlace(heads, Precision.Single)) return;
        for (int part = 0, r = 0; part < 2; part++)
        {
            int end = EndOf(heads, part, first, rows);
            if (r == end) continue;
            T* target = heads.Values.Address + heads.Row(image, head, first + r);
            for (; r < end; r++, target += heads.TokenStride)
            {
                float* row = values + ((nint)r * width);
                if (typeof(T) == typeof(Single32)) Copy(row, (float*)target, width);
                else for (int c = 0; c < width; c++) target[c] = T.FromSingle(row[c]);
            }
        }
    }

    /// <summary>Behind the last of some rows that lies in the first part of a joint sequence, or in the second.</summary>
    private static int EndOf<T>(HeadMemory<T> heads, int part, int first, int rows) where T : unmanaged, IStorage<T> => part == 1 ? rows : Math.Clamp(heads.Split - first, 0, rows);

    // A call for every row of a head would take longer than the copy.
    private static void Copy(float* from, float* to, int count)
    {
        int i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count) Vector256.Load(from + i).Store(to + i);
        for (; i < count; i++) to[i] = from[i];
    }

    private static bool IsInPlace<T>(HeadMemory<T> heads, Precision precision) where T : unmanaged, IStorage<T>
        => typeof(T) == typeof(Single32) && precision == Precision.Single && heads.Split == int.MaxValue;
}
