using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PixelDiT.Kernels.Machine;

/// <summary>Row loops of the CPU's attention.</summary>
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

    /// <summary>row = row·factor.</summary>
    public static void Scale(float* row, int count, float factor)
    {
        for (int i = 0; i < count; i++) row[i] *= factor;
    }

    /// <summary>Σ a·b.</summary>
    public static float Dot(float* a, float* b, int count)
    {
        var sum = Vector128<float>.Zero;
        int i = 0;
        for (; i + 4 <= count; i += 4) sum = Lanes4.MultiplyAdd(Vector128.Load(a + i), Vector128.Load(b + i), sum);
        float total = Lanes4.Sum(sum);
        for (; i < count; i++) total += a[i] * b[i];
        return total;
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
