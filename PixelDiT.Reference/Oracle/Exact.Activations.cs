using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

public static partial class Exact
{
    /// <summary>silu(x) = x / (1 + e⁻ˣ).</summary>
    /// <param name="x">any shape</param>
    /// <returns>the shape of x</returns>
    public static double[] Silu(double[] x) => Map(x.Length, i => Silu(x[i]));

    private static double Silu(double x) => x / (1 + Math.Exp(-x));

    /// <summary>silu(gate) ⊙ value, the inside of the patch level's feed-forward (SPEC §2).</summary>
    /// <param name="gate">any shape: w1 x</param>
    /// <param name="value">the same shape: w3 x</param>
    /// <returns>the same shape</returns>
    /// <exception cref="ShapeException">The lengths differ.</exception>
    public static double[] SwiGlu(double[] gate, double[] value)
    {
        Expect(value, gate.Length, "value");
        return Map(gate.Length, i => Silu(gate[i]) * value[i]);
    }

    /// <summary>silu(x + v), v shared by the rows of an image: the pixel condition s_cond = silu(t_emb + s) (SPEC §3.4).</summary>
    /// <param name="x">[B · rowsPerImage, width]</param>
    /// <param name="perImage">[B, width]</param>
    /// <param name="rowsPerImage">L, or 1 for the condition c = silu(t_emb + y_emb) of SPEC §3.2.</param>
    /// <param name="width">The width of a row.</param>
    /// <returns>[B · rowsPerImage, width]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] AddSilu(double[] x, double[] perImage, int rowsPerImage, int width)
    {
        Expect(perImage, (long)Rows(x, rowsPerImage * width, "x") * width, "perImage");
        return Map(x.Length, i => Silu(x[i] + perImage[i / width / rowsPerImage * width + i % width]));
    }

    /// <summary>gelu(x) = x/2 · (1 + erf(x/√2)), exact (SPEC §2). Written with erfc, which keeps the digits of a negative x.</summary>
    /// <param name="x">any shape</param>
    /// <returns>the shape of x</returns>
    public static double[] Gelu(double[] x) => Map(x.Length, i => x[i] / 2 * Erfc(-x[i] / Math.Sqrt(2)));

    /// <summary>Below this magnitude erf comes from its series, from here on erfc from its continued fraction.</summary>
    private const double SeriesEnd = 2;

    /// <summary>The error function 2/√π ∫₀ˣ e^(−t²) dt, within 1e-15.</summary>
    /// <param name="x">any finite number</param>
    public static double Erf(double x) => Math.Abs(x) < SeriesEnd ? ErfSeries(x) : 1 - Erfc(x);

    /// <summary>1 − erf(x), within 1e-15, and for x ≥ 2 within 1e-14 of its own size.</summary>
    /// <param name="x">any finite number</param>
    public static double Erfc(double x) =>
        x <= -SeriesEnd ? 2 - ErfcFraction(-x) :
        x < SeriesEnd ? 1 - ErfSeries(x) :
        ErfcFraction(x);

    /// <summary>erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1 · 3 · 5 ⋯ (2n+1)): terms of one sign, so nothing cancels.</summary>
    private static double ErfSeries(double x)
    {
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    /// <summary>erfc(x) = e^(−x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))), inside out; 80 levels suffice for x ≥ 2.</summary>
    private static double ErfcFraction(double x)
    {
        double denominator = x;
        for (int n = 80; n >= 1; n--) denominator = x + n / 2.0 / denominator;
        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / denominator;
    }
}
