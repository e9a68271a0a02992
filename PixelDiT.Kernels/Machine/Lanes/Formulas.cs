using System.Runtime.CompilerServices;
using ILGPU;

namespace PixelDiT.Kernels.Machine.Lanes;

/// <summary>
/// Functions of one variable over a width policy, the same arithmetic on every device: ILGPU's own map to coarse approximations or are missing (erf).
/// Each states its error, which the tests check over its whole range.
/// </summary>
public static class Formulas
{
    /// <summary>x rounded to the nearest whole number, for |x| below 2²²: beyond 1.5·2²³ a float32 has no fraction bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S Round<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged
    {
        S shift = L.Set(12582912f);
        return L.Subtract(L.Add(x, shift), shift);
    }

    /// <summary>exp(x) within 2e-7 relative, for x limited to [−87.3, 88]. x = n·ln 2 + r, exp(r) by its Taylor series to r⁷ (|r| ≤ 0.35).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S Exp<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged
    {
        x = L.Max(L.Min(x, L.Set(88f)), L.Set(-87.3f));
        S n = Round<L, S>(L.Multiply(x, L.Set(1.44269504f)));
        // ln 2 in two parts: the first has few bits, so that n times it is exact.
        S r = L.MultiplyAdd(n, L.Set(-0.693359375f), x);
        r = L.MultiplyAdd(n, L.Set(2.12194440e-4f), r);
        S p = L.Set(1f / 5040);
        p = L.MultiplyAdd(p, r, L.Set(1f / 720));
        p = L.MultiplyAdd(p, r, L.Set(1f / 120));
        p = L.MultiplyAdd(p, r, L.Set(1f / 24));
        p = L.MultiplyAdd(p, r, L.Set(1f / 6));
        p = L.MultiplyAdd(p, r, L.Set(0.5f));
        p = L.MultiplyAdd(p, r, L.Set(1f));
        p = L.MultiplyAdd(p, r, L.Set(1f));
        return L.Multiply(p, L.PowerOfTwo(n));
    }

    /// <summary>
    /// ln(x) within 3e-7 relative for normal numbers x > 0, and never positive for x ≤ 1. x = 2ᵉ·m with m within [√½, √2); ln m = 2·artanh(s), s = (m − 1)/(m + 1), by its Taylor series to s¹¹ (|s| ≤ 0.172):
    /// near 1 the result keeps its digits, which a card's own logarithm loses. Of one value: it takes the exponent from the bits.
    /// </summary>
    public static float Log(float x)
    {
        const uint rootOfHalf = 0x3F3504F3;
        uint bits = Interop.FloatAsInt(x);
        int exponent = (int)(bits - rootOfHalf) >> 23;
        float f = Interop.IntAsFloat(bits - ((uint)exponent << 23)) - 1f, s = f / (f + 2f), square = s * s;
        float p = 1f / 11;
        p = (p * square) + (1f / 9);
        p = (p * square) + (1f / 7);
        p = (p * square) + (1f / 5);
        p = (p * square) + (1f / 3);
        // ln 2 in two parts, as in Exp.
        float mantissa = (s + s) + ((s + s) * (p * square));
        return (exponent * 0.693359375f) + ((exponent * -2.12194440e-4f) + mantissa);
    }

    /// <summary>σ(x) = 1 / (1 + exp(−x)) within 3e-7 relative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S Sigmoid<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged
        => L.Divide(L.Set(1f), L.Add(L.Set(1f), Exp<L, S>(L.Subtract(L.Set(0f), x))));

    /// <summary>silu(x) = x·σ(x) within 3.6e-7 relative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S Silu<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged => L.Multiply(x, Sigmoid<L, S>(x));

    /// <summary>silu′(x) = σ(x)·(1 + x·(1 − σ(x))) within 1.5e-6 absolute: near σ = 1 the difference keeps σ's rounding of 9e-8, which x multiplies until σ is 1, at 17.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S SiluDerivative<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged
    {
        S sigmoid = Sigmoid<L, S>(x);
        return L.Multiply(sigmoid, L.MultiplyAdd(x, L.Subtract(L.Set(1f), sigmoid), L.Set(1f)));
    }

    /// <summary>
    /// tanh(x) within 3e-7 relative. Below |x| = 0.625, where 1 − 2/(e^2x + 1) would cancel, x + x³·P(x²), P a polynomial through (tanh(x)/x − 1)/x² at Chebyshev points of [0, 0.625²].
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S Tanh<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged
    {
        S zero = L.Set(0f), one = L.Set(1f), size = L.Abs(x), square = L.Multiply(x, x);
        S p = L.Set(2.29274482e-3f);
        p = L.MultiplyAdd(p, square, L.Set(-8.34394526e-3f));
        p = L.MultiplyAdd(p, square, L.Set(2.17689183e-2f));
        p = L.MultiplyAdd(p, square, L.Set(-5.39592579e-2f));
        p = L.MultiplyAdd(p, square, L.Set(0.133333042f));
        p = L.MultiplyAdd(p, square, L.Set(-0.333333343f));
        S small = L.MultiplyAdd(L.Multiply(p, square), x, x);
        S large = L.Subtract(one, L.Divide(L.Set(2f), L.Add(Exp<L, S>(L.Add(size, size)), one)));
        return L.SelectLess(size, L.Set(0.625f), small, L.SelectLess(x, zero, L.Subtract(zero, large), large));
    }

    /// <summary>
    /// GELU with a hyperbolic tangent, x/2·(1 + tanh(u)), u = √(2/π)·(x + 0.044715·x³), within 3e-6 relative for x ≥ −4. Written as x·σ(2u), which is the same and keeps its digits where
    /// 1 + tanh(u) loses them: what is left is the rounding of 2u, up to 11 there, which the exponential turns into a relative error.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S GeluTanh<L, S>(S x) where L : struct, ILanes<S> where S : unmanaged
    {
        S cubic = L.MultiplyAdd(L.Multiply(x, x), L.Set(0.0713548163f), L.Set(1.59576912f));
        return L.Multiply(x, Sigmoid<L, S>(L.Multiply(x, cubic)));
    }

    /// <summary>
    /// The normal distribution function Φ(x) = (1 + erf(x/√2))/2 within 5e-7 relative for x ≥ −4 (6e-7 without fused multiply-add), and its density's exponential exp(−x²/2).
    /// Around 0 the Taylor series of Φ − ½; in the tail Φ(−x) = exp(−x²/2)·R(1/(x+2)), R a polynomial through Φ(−x)·exp(x²/2) at Chebyshev points of [1.25, 9.5].
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S NormalDistribution<L, S>(S x, out S bell) where L : struct, ILanes<S> where S : unmanaged
    {
        S zero = L.Set(0f), one = L.Set(1f), half = L.Set(0.5f);
        S size = L.Min(L.Abs(x), L.Set(9.5f));
        S square = L.Multiply(size, size);
        bell = Exp<L, S>(L.Multiply(square, L.Set(-0.5f)));

        S c = L.Set(2.27352982e-9f);
        c = L.MultiplyAdd(c, square, L.Set(-4.12266742e-8f));
        c = L.MultiplyAdd(c, square, L.Set(6.65969352e-7f));
        c = L.MultiplyAdd(c, square, L.Set(-9.44465626e-6f));
        c = L.MultiplyAdd(c, square, L.Set(1.15434688e-4f));
        c = L.MultiplyAdd(c, square, L.Set(-1.18732822e-3f));
        c = L.MultiplyAdd(c, square, L.Set(9.97355701e-3f));
        c = L.MultiplyAdd(c, square, L.Set(-6.64903801e-2f));
        c = L.MultiplyAdd(c, square, L.Set(0.39894228f));
        S centre = L.MultiplyAdd(c, x, half);

        S t = L.Divide(one, L.Add(size, L.Set(2f)));
        S r = L.Set(-26.9713598f);
        r = L.MultiplyAdd(r, t, L.Set(38.2534197f));
        r = L.MultiplyAdd(r, t, L.Set(-14.9954016f));
        r = L.MultiplyAdd(r, t, L.Set(-2.49031834f));
        r = L.MultiplyAdd(r, t, L.Set(1.24761992f));
        r = L.MultiplyAdd(r, t, L.Set(1.11316172f));
        r = L.MultiplyAdd(r, t, L.Set(0.805705693f));
        r = L.MultiplyAdd(r, t, L.Set(0.39856337f));
        r = L.MultiplyAdd(r, t, L.Set(7.57140254e-6f));
        S tail = L.Multiply(bell, r);
        tail = L.SelectLess(x, zero, tail, L.Subtract(one, tail));
        return L.SelectLess(size, L.Set(1.25f), centre, tail);
    }

    /// <summary>The slope of x·Φ(x): Φ(x) + x·φ(x), from what <see cref="NormalDistribution"/> gives.</summary>
    /// <param name="x">x.</param>
    /// <param name="below">Φ(x).</param>
    /// <param name="bell">exp(−x²/2).</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S GeluDerivative<L, S>(S x, S below, S bell) where L : struct, ILanes<S> where S : unmanaged
        => L.MultiplyAdd(L.Multiply(x, L.Set(0.39894228f)), bell, below);

    /// <summary>
    /// sin(x) and cos(x) within 1.2e-7 absolute for |x| ≤ 1000 (plus what the argument itself has lost). x = q·π/2 + r with π/2 in three parts, then Taylor series for |r| ≤ π/4.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static S SinCos<L, S>(S x, out S cosine) where L : struct, ILanes<S> where S : unmanaged
    {
        S one = L.Set(1f), zero = L.Set(0f);
        S q = Round<L, S>(L.Multiply(x, L.Set(0.636619772f)));
        S r = L.MultiplyAdd(q, L.Set(-1.5703125f), x);
        r = L.MultiplyAdd(q, L.Set(-4.83751297e-4f), r);
        r = L.MultiplyAdd(q, L.Set(-7.54978942e-8f), r);
        S square = L.Multiply(r, r);

        S s = L.Set(1f / 362880);
        s = L.MultiplyAdd(s, square, L.Set(-1f / 5040));
        s = L.MultiplyAdd(s, square, L.Set(1f / 120));
        s = L.MultiplyAdd(s, square, L.Set(-1f / 6));
        S sine = L.MultiplyAdd(L.Multiply(s, square), r, r);
        S c = L.Set(-1f / 3628800);
        c = L.MultiplyAdd(c, square, L.Set(1f / 40320));
        c = L.MultiplyAdd(c, square, L.Set(-1f / 720));
        c = L.MultiplyAdd(c, square, L.Set(1f / 24));
        c = L.MultiplyAdd(c, square, L.Set(-0.5f));
        S other = L.MultiplyAdd(c, square, one);

        // q modulo 2 says which of the two is the sine, q modulo 4 the signs.
        S odd = L.Abs(L.MultiplyAdd(Round<L, S>(L.Multiply(q, L.Set(0.5f))), L.Set(-2f), q));
        S quarter = L.MultiplyAdd(Round<L, S>(L.Multiply(q, L.Set(0.25f))), L.Set(-4f), q);
        S half = L.Set(0.5f);
        S sinValue = L.SelectLess(odd, half, sine, other), cosValue = L.SelectLess(odd, half, other, sine);
        cosine = L.SelectLess(L.Abs(L.Add(quarter, half)), one, cosValue, L.Subtract(zero, cosValue));
        return L.SelectLess(L.Abs(L.Subtract(quarter, half)), one, sinValue, L.Subtract(zero, sinValue));
    }
}
