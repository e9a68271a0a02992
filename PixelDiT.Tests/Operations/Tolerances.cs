namespace PixelDiT.Tests.Operations;

/// <summary>The tolerances of the table. Float32 rounds by u = 6e-8; bfloat16 by 2⁻⁸ = 3.9e-3 of the value.</summary>
internal static class Tolerances
{
    public static readonly Tolerance Exact = new(0, "values only move");

    public static readonly Tolerance Once = new(1.2e-7, "an addition or two of float32 numbers");

    public static readonly Tolerance Formula = new(1e-6, "the formulas promise 5e-7, and two or three products round by u each");

    public static readonly Tolerance Row = new(1e-6, "a sum along a row in several lanes, its root, and some products: each a few u");

    public static readonly Tolerance Columns = new(2e-6, "sums of up to a thousand rows, one after the other: errors of both signs, about √1000/2 u");

    public static readonly Tolerance Product = new(2e-6, "sums of up to a thousand products, errors of both signs: about √1000/2 u");

    public static readonly Tolerance Rotation = new(3e-6, "an angle of up to 16, rounded to float32, is off by up to 1e-6, and its frequency adds as much");

    public static readonly Tolerance Softmax = new(3e-6, "a score of up to 10 rounds by 6e-7, which the exponential turns into a relative error, in the forward and again in the backward");

    public static readonly Tolerance Chain = new(5e-6, "several operations, one after the other");

    public static readonly Tolerance BFloat16 = new(4e-3, "arithmetic is float32, and what is stored is rounded once, by 2^-8 at most");

    public static readonly Tolerance BFloat16Chain = new(1e-2, "each value between operations is rounded, by 2^-8 at most, and gradients sum such errors");
}
