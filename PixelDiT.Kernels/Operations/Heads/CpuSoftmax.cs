using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>The softmax of rows of scores on a CPU, and its backward.</summary>
internal static unsafe class CpuSoftmax
{
    /// <summary>Of each row: row = exp(scale·(row − max)), inverse = 1/Σ and lse = scale·max + log Σ.</summary>
    /// <param name="scores">The first row's first score.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="count">Scores of a row; rows lie one behind the other.</param>
    /// <param name="scale">The factor of scores.</param>
    /// <param name="lse">[rows].</param>
    /// <param name="inverse">[rows].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward(float* scores, int rows, int count, float scale, float* lse, float* inverse)
    {
        if (Vector512.IsHardwareAccelerated) Forward<Lanes16, Vector512<float>>(scores, rows, count, scale, lse, inverse);
        else if (Vector256.IsHardwareAccelerated) Forward<Lanes8, Vector256<float>>(scores, rows, count, scale, lse, inverse);
        else Forward<Lanes4, Vector128<float>>(scores, rows, count, scale, lse, inverse);
    }

    /// <summary>p = exp(scale·p − lse); d = p·(d − delta)·scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(float* p, float* d, int count, float scale, float lse, float delta)
    {
        if (Vector512.IsHardwareAccelerated) Backward<Lanes16, Vector512<float>>(p, d, count, scale, lse, delta);
        else if (Vector256.IsHardwareAccelerated) Backward<Lanes8, Vector256<float>>(p, d, count, scale, lse, delta);
        else Backward<Lanes4, Vector128<float>>(p, d, count, scale, lse, delta);
    }

    // In three passes over the rows: within one, a row waits for nothing of the row before it, so that a processor works on several.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Forward<L, S>(float* scores, int rows, int count, float scale, float* lse, float* inverse) where L : struct, ICpuLanes<S> where S : unmanaged
    {
        for (int r = 0; r < rows; r++) lse[r] = scale * Largest<L, S>(scores + ((nint)r * count), count);
        for (int r = 0; r < rows; r++) inverse[r] = Exponentials<L, S>(scores + ((nint)r * count), count, scale, lse[r]);
        for (int r = 0; r < rows; r++)
        {
            lse[r] += MathF.Log(inverse[r]);
            inverse[r] = 1f / inverse[r];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest<L, S>(float* row, int count) where L : struct, ICpuLanes<S> where S : unmanaged
    {
        int i = 0;
        float largest = row[0];
        if (count >= L.Count)
        {
            S most = L.Load(row);
            for (i = L.Count; i + L.Count <= count; i += L.Count) most = L.Max(most, L.Load(row + i));
            float* lanes = stackalloc float[16];
            L.Store(lanes, most);
            largest = LargestOf(lanes, L.Count);
        }
        for (; i < count; i++) largest = MathF.Max(largest, row[i]);
        return largest;
    }

    /// <summary>row = exp(scale·row − largest); returns Σ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Exponentials<L, S>(float* row, int count, float scale, float largest) where L : struct, ICpuLanes<S> where S : unmanaged
    {
        S factor = L.Set(scale), shift = L.Set(-largest), sum = L.Set(0);
        int i = 0;
        for (; i + L.Count <= count; i += L.Count)
        {
            S value = Formulas.Exp<L, S>(L.MultiplyAdd(L.Load(row + i), factor, shift));
            L.Store(row + i, value);
            sum = L.Add(sum, value);
        }
        float total = L.Sum(sum);
        for (; i < count; i++)
        {
            row[i] = Formulas.Exp<Lanes1, float>(Lanes1.MultiplyAdd(row[i], scale, -largest));
            total += row[i];
        }
        return total;
    }

    /// <summary>The largest of 4, 8 or 16 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float LargestOf(float* lanes, int count)
    {
        var most = Vector128.Load(lanes);
        for (int k = 4; k < count; k += 4) most = Vector128.MaxNative(most, Vector128.Load(lanes + k));
        most = Vector128.MaxNative(most, Vector128.Shuffle(most, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(most, Vector128.Shuffle(most, Vector128.Create(1, 0, 3, 2))).ToScalar();
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
