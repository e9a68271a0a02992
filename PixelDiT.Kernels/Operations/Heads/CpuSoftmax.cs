using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>The softmax of a row of scores on a CPU, and its backward.</summary>
internal static unsafe class CpuSoftmax
{
    /// <summary>row = exp(scale·(row − max)); returns 1/Σ and writes lse = scale·max + log Σ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Forward(float* row, int count, float scale, float* lse)
    {
        if (Vector512.IsHardwareAccelerated) return Forward<Lanes16, Vector512<float>>(row, count, scale, lse);
        return Vector256.IsHardwareAccelerated ? Forward<Lanes8, Vector256<float>>(row, count, scale, lse) : Forward<Lanes4, Vector128<float>>(row, count, scale, lse);
    }

    /// <summary>p = exp(scale·p − lse); d = p·(d − delta)·scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(float* p, float* d, int count, float scale, float lse, float delta)
    {
        if (Vector512.IsHardwareAccelerated) Backward<Lanes16, Vector512<float>>(p, d, count, scale, lse, delta);
        else if (Vector256.IsHardwareAccelerated) Backward<Lanes8, Vector256<float>>(p, d, count, scale, lse, delta);
        else Backward<Lanes4, Vector128<float>>(p, d, count, scale, lse, delta);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Forward<L, S>(float* row, int count, float scale, float* lse) where L : struct, ICpuLanes<S> where S : unmanaged
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
    private static void Backward<L, S>(float* p, float* d, int count, float scale, float lse, float delta) where L : struct, ICpuLanes<S> where S : unmanaged
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
