using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>Loops over one or two vectors in host memory, level 1 of BLAS, and sums over rows.</summary>
internal static unsafe class Blas1
{
    /// <summary>sums += each of the rows, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddRows(float* matrix, int rows, int columns, float* sums)
    {
        int j = 0;
        if (Vector512.IsHardwareAccelerated) j = AddRows<Lanes16, Vector512<float>>(matrix, rows, columns, sums, j);
        else if (Vector256.IsHardwareAccelerated) j = AddRows<Lanes8, Vector256<float>>(matrix, rows, columns, sums, j);
        j = AddRows<Lanes4, Vector128<float>>(matrix, rows, columns, sums, j);
        AddRows<Lanes1, float>(matrix, rows, columns, sums, j);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int AddRows<L, S>(float* matrix, int rows, int columns, float* sums, int j) where L : struct, ICpuLanes<S> where S : unmanaged
    {
        for (; j + L.Count <= columns; j += L.Count)
        {
            S sum = L.Load(sums + j);
            for (int r = 0; r < rows; r++) sum = L.Add(sum, L.Load(matrix + ((nint)r * columns) + j));
            L.Store(sums + j, sum);
        }
        return j;
    }

    /// <summary>row = row·factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* row, int count, float factor)
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated) i = Scale<Lanes16, Vector512<float>>(row, i, count, factor);
        i = Scale<Lanes4, Vector128<float>>(row, i, count, factor);
        for (; i < count; i++) row[i] *= factor;
    }

    /// <summary>Σ a·b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot(float* a, float* b, int count)
    {
        int i = 0;
        float total = 0;
        if (Vector512.IsHardwareAccelerated) total = Dot<Lanes16, Vector512<float>>(a, b, ref i, count);
        total += Dot<Lanes4, Vector128<float>>(a, b, ref i, count);
        for (; i < count; i++) total += a[i] * b[i];
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Scale<L, S>(float* row, int i, int count, float factor) where L : struct, ICpuLanes<S> where S : unmanaged
    {
        S factors = L.Set(factor);
        for (; i + L.Count <= count; i += L.Count) L.Store(row + i, L.Multiply(L.Load(row + i), factors));
        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot<L, S>(float* a, float* b, ref int i, int count) where L : struct, ICpuLanes<S> where S : unmanaged
    {
        S sum = L.Set(0);
        for (; i + L.Count <= count; i += L.Count) sum = L.MultiplyAdd(L.Load(a + i), L.Load(b + i), sum);
        return L.Sum(sum);
    }
}
