using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PixelDiT.Kernels.Machine;

/// <summary>Row loops of the CPU's bodies.</summary>
internal static unsafe class HostRows
{
    /// <summary>row = exp(scale·(row − max)); returns 1/Σ and writes lse = scale·max + log Σ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Softmax(float* row, int count, float scale, float* lse)
    {
        if (Vector512.IsHardwareAccelerated) return Softmax<Lanes16, Vector512<float>>(row, count, scale, lse);
        return Vector256.IsHardwareAccelerated ? Softmax<Lanes8, Vector256<float>>(row, count, scale, lse) : Softmax<Lanes4, Vector128<float>>(row, count, scale, lse);
    }

    /// <summary>p = exp(scale·p − lse); d = p·(d − delta)·scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SoftmaxSlope(float* p, float* d, int count, float scale, float lse, float delta)
    {
        if (Vector512.IsHardwareAccelerated) SoftmaxSlope<Lanes16, Vector512<float>>(p, d, count, scale, lse, delta);
        else if (Vector256.IsHardwareAccelerated) SoftmaxSlope<Lanes8, Vector256<float>>(p, d, count, scale, lse, delta);
        else SoftmaxSlope<Lanes4, Vector128<float>>(p, d, count, scale, lse, delta);
    }

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
    private static int AddRows<L, S>(float* matrix, int rows, int columns, float* sums, int j) where L : struct, IHostLanes<S> where S : unmanaged
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
    private static int Scale<L, S>(float* row, int i, int count, float factor) where L : struct, IHostLanes<S> where S : unmanaged
    {
        S factors = L.Set(factor);
        for (; i + L.Count <= count; i += L.Count) L.Store(row + i, L.Multiply(L.Load(row + i), factors));
        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot<L, S>(float* a, float* b, ref int i, int count) where L : struct, IHostLanes<S> where S : unmanaged
    {
        S sum = L.Set(0);
        for (; i + L.Count <= count; i += L.Count) sum = L.MultiplyAdd(L.Load(a + i), L.Load(b + i), sum);
        return L.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Softmax<L, S>(float* row, int count, float scale, float* lse) where L : struct, IHostLanes<S> where S : unmanaged
    {
        int i = 0;
        float largest = row[0];
        if (count >= L.Count)
        {
            S most = L.Load(row);
            for (i = L.Count; i + L.Count <= count; i += L.Count) most = L.Max(most, L.Load(row + i));
            float* lanes = stackalloc float[16];
            L.Store(lanes, most);
            for (int k = 0; k < L.Count; k++) largest = MathF.Max(largest, lanes[k]);
        }
        for (; i < count; i++) largest = MathF.Max(largest, row[i]);

        S factor = L.Set(scale), shift = L.Set(-scale * largest), sum = L.Set(0);
        for (i = 0; i + L.Count <= count; i += L.Count)
        {
            S value = Formulas.Exp<L, S>(L.MultiplyAdd(L.Load(row + i), factor, shift));
            L.Store(row + i, value);
            sum = L.Add(sum, value);
        }
        float total = L.Sum(sum);
        for (; i < count; i++)
        {
            row[i] = Formulas.Exp<Lanes1, float>(Lanes1.MultiplyAdd(row[i], scale, -scale * largest));
            total += row[i];
        }
        *lse = (scale * largest) + MathF.Log(total);
        return 1f / total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SoftmaxSlope<L, S>(float* p, float* d, int count, float scale, float lse, float delta) where L : struct, IHostLanes<S> where S : unmanaged
    {
        S factor = L.Set(scale), shift = L.Set(-lse), less = L.Set(delta);
        int i = 0;
        for (; i + L.Count <= count; i += L.Count)
        {
            S value = Formulas.Exp<L, S>(L.MultiplyAdd(L.Load(p + i), factor, shift));
            L.Store(p + i, value);
            L.Store(d + i, L.Multiply(L.Multiply(value, L.Subtract(L.Load(d + i), less)), factor));
        }
        for (; i < count; i++)
        {
            p[i] = Formulas.Exp<Lanes1, float>(Lanes1.MultiplyAdd(p[i], scale, -lse));
            d[i] = p[i] * (d[i] - delta) * scale;
        }
    }
}
