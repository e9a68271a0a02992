using System.Numerics;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>A function of a value.</summary>
internal interface IConversion<TFrom, TTo>
{
    static abstract TTo Of(TFrom a);
}

/// <summary>A function of two values.</summary>
internal interface IFunction<TA, TB, TTo>
{
    static abstract TTo Of(TA a, TB b);
}

/// <summary>Writes a function of a value, thread by thread.</summary>
internal sealed unsafe class Convert<TFrom, TTo, TFunction>(Register d, Register a) : Instruction where TFrom : unmanaged where TTo : unmanaged where TFunction : struct, IConversion<TFrom, TTo>
{
    public override void Run(ThreadGroup group)
    {
        TTo* to = group.Row<TTo>(d);
        TFrom* x = group.Row<TFrom>(a);
        if (group.IsFull)
        {
            for (int i = 0; i < group.Threads; i++) to[i] = TFunction.Of(x[i]);
            return;
        }
        foreach (int thread in group.Active) to[thread] = TFunction.Of(x[thread]);
    }
}

/// <summary>Writes a function of two values, thread by thread.</summary>
internal sealed unsafe class Combine<TA, TB, TTo, TFunction>(Register d, Register a, Register b) : Instruction where TA : unmanaged where TB : unmanaged where TTo : unmanaged where TFunction : struct, IFunction<TA, TB, TTo>
{
    public override void Run(ThreadGroup group)
    {
        TTo* to = group.Row<TTo>(d);
        TA* x = group.Row<TA>(a);
        TB* y = group.Row<TB>(b);
        if (group.IsFull)
        {
            for (int i = 0; i < group.Threads; i++) to[i] = TFunction.Of(x[i], y[i]);
            return;
        }
        foreach (int thread in group.Active) to[thread] = TFunction.Of(x[thread], y[thread]);
    }
}

/// <summary>To the left; by the width or more gives 0.</summary>
internal readonly struct ShiftLeft<T> : IFunction<T, uint, T> where T : unmanaged, IBinaryInteger<T>
{
    public static unsafe T Of(T a, uint b) => b >= sizeof(T) * 8 ? T.Zero : a << (int)b;
}

/// <summary>To the right, with copies of the sign if the type has one; by the width or more gives nothing else.</summary>
internal readonly struct ShiftRight<T> : IFunction<T, uint, T> where T : unmanaged, IBinaryInteger<T>
{
    public static unsafe T Of(T a, uint b) => b < sizeof(T) * 8 ? a >> (int)b : T.IsNegative(a) ? T.Zero - T.One : T.Zero;
}

/// <summary>div of integers, toward zero.</summary>
internal readonly struct DivideInteger<T> : IFunction<T, T, T> where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
{
    public static T Of(T a, T b) => b == T.Zero ? throw new PtxFault("an integer is divided by zero") : T.IsNegative(b) && b + T.One == T.Zero ? T.Zero - a : a / b;
}

/// <summary>rem of integers, with the sign of the first.</summary>
internal readonly struct Remainder<T> : IFunction<T, T, T> where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
{
    public static T Of(T a, T b) => b == T.Zero ? throw new PtxFault("an integer is divided by zero") : T.IsNegative(b) && b + T.One == T.Zero ? T.Zero : a % b;
}

internal readonly struct MultiplyWide : IFunction<uint, uint, ulong>
{
    public static ulong Of(uint a, uint b) => (ulong)a * b;
}

/// <summary>A comparison of integers of 64 bits.</summary>
internal readonly struct WideLess : IFunction<long, long, uint>
{
    public static uint Of(long a, long b) => a < b ? uint.MaxValue : 0;
}

internal readonly struct WideLessOrEqual : IFunction<long, long, uint>
{
    public static uint Of(long a, long b) => a <= b ? uint.MaxValue : 0;
}

internal readonly struct WideEqual : IFunction<long, long, uint>
{
    public static uint Of(long a, long b) => a == b ? uint.MaxValue : 0;
}

/// <summary>What a comparison does not say.</summary>
internal readonly struct WideNot<TFunction> : IFunction<long, long, uint> where TFunction : struct, IFunction<long, long, uint>
{
    public static uint Of(long a, long b) => ~TFunction.Of(a, b);
}

/// <summary>cvt between integers: cut, or continued by the sign of what it is made from.</summary>
internal readonly struct ToInteger<TFrom, TTo> : IConversion<TFrom, TTo> where TFrom : unmanaged, IBinaryInteger<TFrom> where TTo : unmanaged, IBinaryInteger<TTo>
{
    public static TTo Of(TFrom a) => TTo.CreateTruncating(a);
}

/// <summary>cvt.u16.u32, whose upper half is zero in a row.</summary>
internal readonly struct LowHalf : IConversion<uint, uint>
{
    public static uint Of(uint a) => a & 0xFFFF;
}

/// <summary>cvt.s32.s16.</summary>
internal readonly struct ExtendHalf : IConversion<uint, int>
{
    public static int Of(uint a) => (short)a;
}

/// <summary>cvt.rzi.s32.f32: toward zero, the nearest of what there is, and 0 for NaN.</summary>
internal readonly struct Truncate : IConversion<float, int>
{
    public static int Of(float a) => float.IsNaN(a) ? 0 : a >= 2147483648f ? int.MaxValue : a <= -2147483648f ? int.MinValue : (int)a;
}

internal readonly struct IntegerToSingle : IConversion<int, float>
{
    public static float Of(int a) => a;
}

internal readonly struct UnsignedToDouble : IConversion<uint, double>
{
    public static double Of(uint a) => a;
}

internal readonly struct DoubleToSingle : IConversion<double, float>
{
    public static float Of(double a) => (float)a;
}

/// <summary>cvt.rn.bf16x2.f32: to the nearest, ties to even; the first operand is the upper half, and NaN becomes the canonical one.</summary>
internal readonly struct PackBFloat16 : IFunction<uint, uint, uint>
{
    public static uint Of(uint a, uint b) => (Round(a) << 16) | Round(b);

    private static uint Round(uint bits) => (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FFF : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
}

/// <summary>cvt.rna.tf32.f32: 10 bits of mantissa, to the nearest, ties away from zero.</summary>
internal readonly struct RoundTensorFloat32 : IConversion<uint, uint>
{
    public static uint Of(uint bits) => (bits & 0x7F800000) == 0x7F800000 ? bits : (bits + 0x1000) & 0xFFFFE000;
}

/// <summary>
/// ex2.approx.ftz.f32: within 2⁻²² of the result, and nothing below the normal numbers. The manual says how large an error may be and not which; here it is as large as it may be, with a sign that
/// depends on the argument.
/// </summary>
internal readonly struct ApproximatePowerOfTwo : IConversion<float, float>
{
    public static float Of(float a)
    {
        if (MathF.Abs(a) < Approximation.SmallestNormal) return 1;
        double exact = Math.Pow(2, a);
        float result = (float)(exact * (1 + Approximation.Relative(a)));
        return MathF.Abs(result) < Approximation.SmallestNormal ? 0 : result;
    }
}

/// <summary>lg2.approx.f32: within 2⁻²² of the result, and, between 0.5 and 2, within 2⁻²² of one; as wrong as that allows.</summary>
internal readonly struct ApproximateLogarithm : IConversion<float, float>
{
    public static float Of(float a)
    {
        double exact = Math.Log2(a);
        return !double.IsFinite(exact) ? (float)exact : (float)(a is > 0.5f and < 2 ? exact + Approximation.Absolute(a) : exact * (1 + Approximation.Relative(a)));
    }
}

/// <summary>The errors of approximate functions.</summary>
internal static class Approximation
{
    public const float SmallestNormal = 1.17549435e-38f;

    /// <summary>±2⁻²², less what rounding a result adds.</summary>
    public static double Relative(float a) => Sign(a) * 1.75e-7;

    /// <summary>±2⁻²².</summary>
    public static double Absolute(float a) => Sign(a) * 2.38e-7;

    private static int Sign(float a) => ((BitConverter.SingleToUInt32Bits(a) * 2654435769u) & 0x80000000) == 0 ? 1 : -1;
}

/// <summary>max: of a number and a NaN the number.</summary>
internal readonly struct LargerNumber : IFunction<float, float, float>
{
    public static float Of(float a, float b) => float.MaxNumber(a, b);
}
