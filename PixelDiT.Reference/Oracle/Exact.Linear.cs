using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

public static partial class Exact
{
    /// <summary>Rows that share one reading of the weight: few enough to stay in cache, enough to make the reading cheap.</summary>
    private const int RowsAtOnce = 16;

    /// <summary>y = x Wᵀ + b (SPEC §2, Linear).</summary>
    /// <param name="x">[R, inputs]</param>
    /// <param name="weight">[outputs, inputs]</param>
    /// <param name="bias">[outputs], or null for none</param>
    /// <param name="inputs">The width of a row of x.</param>
    /// <param name="outputs">The width of a row of the result.</param>
    /// <returns>[R, outputs]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] Linear(double[] x, double[] weight, double[]? bias, int inputs, int outputs)
    {
        int rows = Rows(x, inputs, "x");
        Expect(weight, (long)outputs * inputs, "weight");
        if (bias is not null) Expect(bias, outputs, "bias");

        double[] y = new double[rows * outputs];
        Parallel.For(0, (rows + RowsAtOnce - 1) / RowsAtOnce, block =>
        {
            int first = block * RowsAtOnce, end = Math.Min(rows, first + RowsAtOnce);
            int o = 0;
            for (; o + 4 <= outputs; o += 4)
            {
                for (int r = first; r < end; r++)
                    FourDots(x.AsSpan(r * inputs, inputs), weight.AsSpan(o * inputs, 4 * inputs), y.AsSpan(r * outputs + o, 4));
            }
            for (; o < outputs; o++)
            {
                for (int r = first; r < end; r++)
                    y[r * outputs + o] = Dot(x.AsSpan(r * inputs, inputs), weight.AsSpan(o * inputs, inputs));
            }
            if (bias is null) return;
            for (int r = first; r < end; r++)
            {
                for (o = 0; o < outputs; o++) y[r * outputs + o] += bias[o];
            }
        });
        return y;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    /// <summary>
    /// The products of one row with four rows of the weight. Four sums at once keep the adder busy; each is summed in the order of
    /// <see cref="Dot"/>.
    /// </summary>
    private static void FourDots(ReadOnlySpan<double> x, ReadOnlySpan<double> weight, Span<double> y)
    {
        int n = x.Length;
        ReadOnlySpan<double> w0 = weight[..n], w1 = weight[n..(2 * n)], w2 = weight[(2 * n)..(3 * n)], w3 = weight[(3 * n)..];
        double y0 = 0, y1 = 0, y2 = 0, y3 = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double value = x[i];
            y0 += value * w0[i];
            y1 += value * w1[i];
            y2 += value * w2[i];
            y3 += value * w3[i];
        }
        (y[0], y[1], y[2], y[3]) = (y0, y1, y2, y3);
    }
}
