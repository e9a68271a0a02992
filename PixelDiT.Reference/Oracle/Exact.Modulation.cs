using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

public static partial class Exact
{
    /// <summary>Added to the mean square before its root is taken (SPEC §2, RMSNorm).</summary>
    private const double NormEpsilon = 1e-6;

    /// <summary>y = w · x / √(mean(x²) + 1e-6) over rows as wide as w (SPEC §2, RMSNorm).</summary>
    /// <param name="x">[R, n]</param>
    /// <param name="weight">[n]</param>
    /// <returns>[R, n]</returns>
    /// <exception cref="ShapeException">The length of <paramref name="weight"/> does not divide that of <paramref name="x"/>.</exception>
    public static double[] RmsNorm(double[] x, double[] weight)
    {
        int n = weight.Length, rows = Rows(x, n, "x");
        double[] y = new double[x.Length];
        Parallel.For(0, rows, r => RmsNormRow(x.AsSpan(r * n, n), weight, y.AsSpan(r * n, n)));
        return y;
    }

    private static void RmsNormRow(ReadOnlySpan<double> x, ReadOnlySpan<double> weight, Span<double> y)
    {
        double squares = 0;
        foreach (double value in x) squares += value * value;
        double rstd = 1 / Math.Sqrt(squares / x.Length + NormEpsilon);
        for (int i = 0; i < x.Length; i++) y[i] = weight[i] * x[i] * rstd;
    }

    /// <summary>
    /// y = x · (1 + scale) + shift (SPEC §2, modulate). At the patch level the L tokens of an image share one row of the modulation; at the
    /// pixel level every pixel has its own (SPEC §1, pixel-wise AdaLN), and [B·L, P, 6d] is B·L·P rows of 6d.
    /// </summary>
    /// <param name="x">[R, width]</param>
    /// <param name="modulation">[R / rowsPerModulation, chunks · width]</param>
    /// <param name="shift">The chunk that is the shift, from 0.</param>
    /// <param name="scale">The chunk that is the scale, from 0.</param>
    /// <param name="chunks">The parts of a row of the modulation: 6, or 4 with post-modulation.</param>
    /// <param name="width">The width of a token and of a chunk.</param>
    /// <param name="rowsPerModulation">Consecutive rows of x that share a row of the modulation.</param>
    /// <returns>[R, width]</returns>
    /// <exception cref="ShapeException">A length does not fit, or a chunk lies outside.</exception>
    public static double[] Modulate(double[] x, double[] modulation, int shift, int scale, int chunks, int width, int rowsPerModulation)
    {
        var shiftAt = Chunk(x, modulation, shift, chunks, width, rowsPerModulation);
        var scaleAt = Chunk(x, modulation, scale, chunks, width, rowsPerModulation);
        return Map(x.Length, i => x[i] * (1 + scaleAt(i)) + shiftAt(i));
    }

    /// <summary>x + gate · update (SPEC §3.3 and §3.5). Shapes as in <see cref="Modulate"/>.</summary>
    /// <param name="x">[R, width]</param>
    /// <param name="update">[R, width]</param>
    /// <param name="modulation">[R / rowsPerModulation, chunks · width]</param>
    /// <param name="gate">The chunk that is the gate, from 0.</param>
    /// <param name="chunks">The parts of a row of the modulation.</param>
    /// <param name="width">The width of a token and of a chunk.</param>
    /// <param name="rowsPerModulation">Consecutive rows of x that share a row of the modulation.</param>
    /// <returns>[R, width]</returns>
    /// <exception cref="ShapeException">A length does not fit, or the chunk lies outside.</exception>
    public static double[] Gate(double[] x, double[] update, double[] modulation, int gate, int chunks, int width, int rowsPerModulation)
    {
        Expect(update, x.Length, "update");
        var gateAt = Chunk(x, modulation, gate, chunks, width, rowsPerModulation);
        return Map(x.Length, i => x[i] + gateAt(i) * update[i]);
    }

    /// <summary>x + update · (1 + scale) + shift: the residual of post-modulation (SPEC §3.5), shaped as <see cref="Modulate"/>.</summary>
    /// <param name="x">[R, width]</param>
    /// <param name="update">[R, width]</param>
    /// <param name="modulation">[R / rowsPerModulation, chunks · width]</param>
    /// <param name="shift">The chunk that is the shift, from 0.</param>
    /// <param name="scale">The chunk that is the scale, from 0.</param>
    /// <param name="chunks">The parts of a row of the modulation.</param>
    /// <param name="width">The width of a token and of a chunk.</param>
    /// <param name="rowsPerModulation">Consecutive rows of x that share a row of the modulation.</param>
    /// <returns>[R, width]</returns>
    /// <exception cref="ShapeException">A length does not fit, or a chunk lies outside.</exception>
    public static double[] AddModulated(
        double[] x, double[] update, double[] modulation, int shift, int scale, int chunks, int width, int rowsPerModulation)
    {
        Expect(update, x.Length, "update");
        double[] modulated = Modulate(update, modulation, shift, scale, chunks, width, rowsPerModulation);
        return Map(x.Length, i => x[i] + modulated[i]);
    }

    /// <summary>For each element of x, the value of one chunk of the modulation that belongs to it.</summary>
    private static Func<int, double> Chunk(double[] x, double[] modulation, int chunk, int chunks, int width, int rowsPerModulation)
    {
        Expect(modulation, (long)Rows(x, width * rowsPerModulation, "x") * chunks * width, "modulation");
        if ((uint)chunk >= (uint)chunks) throw new ShapeException($"chunk {chunk} was asked of a modulation of {chunks}");
        return i =>
        {
            int row = i / width / rowsPerModulation, channel = i % width;
            return modulation[(row * chunks + chunk) * width + channel];
        };
    }
}
