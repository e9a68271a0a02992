using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

/// <content>What a teacher of representation alignment computes, and the alignment itself.</content>
public static partial class Exact
{
    /// <summary>weight·(x − mean)/√(variance + ε) + bias over rows.</summary>
    /// <param name="x">[R, n]</param>
    /// <param name="weight">[n]</param>
    /// <param name="bias">[n]</param>
    /// <param name="epsilon">ε</param>
    /// <returns>[R, n]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] LayerNorm(double[] x, double[] weight, double[] bias, double epsilon)
    {
        int n = weight.Length, rows = Rows(x, n, "x");
        Expect(bias, n, "bias");
        double[] y = new double[x.Length];
        for (int r = 0; r < rows; r++)
        {
            double mean = 0, variance = 0;
            for (int i = 0; i < n; i++) mean += x[(r * n) + i] / n;
            for (int i = 0; i < n; i++) variance += (x[(r * n) + i] - mean) * (x[(r * n) + i] - mean) / n;
            for (int i = 0; i < n; i++) y[(r * n) + i] = (weight[i] * (x[(r * n) + i] - mean) / Math.Sqrt(variance + epsilon)) + bias[i];
        }
        return y;
    }

    /// <summary>A matrix times the rows of each image.</summary>
    /// <param name="matrix">Of each row of the result the columns and their weights.</param>
    /// <param name="x">[B, n, width]</param>
    /// <param name="columns">n</param>
    /// <param name="width">D</param>
    /// <returns>[B, rows of the matrix, width]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] SparseMatMul(IReadOnlyList<(int Column, float Weight)>[] matrix, double[] x, int columns, int width)
    {
        int images = Rows(x, columns * width, "x");
        double[] y = new double[images * matrix.Length * width];
        for (int b = 0; b < images; b++)
        {
            for (int r = 0; r < matrix.Length; r++)
            {
                foreach (var (column, weight) in matrix[r])
                {
                    for (int i = 0; i < width; i++) y[(((b * matrix.Length) + r) * width) + i] += weight * x[(((b * columns) + column) * width) + i];
                }
            }
        }
        return y;
    }

    /// <summary>x / max(‖x‖, ε) over rows.</summary>
    /// <param name="x">[R, n]</param>
    /// <param name="width">n</param>
    /// <param name="epsilon">ε</param>
    /// <returns>[R, n]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] L2Normalize(double[] x, int width, double epsilon = 1e-12)
    {
        int rows = Rows(x, width, "x");
        double[] lengths = Map(rows, r => Math.Sqrt(Enumerable.Range(0, width).Sum(i => x[(r * width) + i] * x[(r * width) + i])));
        return Map(x.Length, i => x[i] / Math.Max(lengths[i / width], epsilon));
    }

    /// <summary>offset − the mean over rows of u·z / max(‖u‖·‖z‖, ε).</summary>
    /// <param name="u">[R, n]</param>
    /// <param name="z">[R, n]</param>
    /// <param name="width">n</param>
    /// <param name="offset">1, or 0</param>
    /// <param name="epsilon">ε</param>
    /// <returns>the loss</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double CosineLoss(double[] u, double[] z, int width, double offset, double epsilon = 1e-8)
    {
        int rows = Rows(u, width, "u");
        Expect(z, u.Length, "z");
        double sum = 0;
        for (int r = 0; r < rows; r++)
        {
            double along = 0, ofU = 0, ofZ = 0;
            for (int i = r * width; i < (r + 1) * width; i++) (along, ofU, ofZ) = (along + (u[i] * z[i]), ofU + (u[i] * u[i]), ofZ + (z[i] * z[i]));
            sum += along / Math.Max(Math.Sqrt(ofU) * Math.Sqrt(ofZ), epsilon);
        }
        return offset - (sum / rows);
    }

    /// <summary>Bicubic resizing as PyTorch has it: Keys' cubic with a = −0.75 over four places beside (i + ½)·in/out − ½, the border repeated, and then a factor and an offset for each channel.</summary>
    /// <param name="x">[B, C, height, width]</param>
    /// <param name="height">H</param>
    /// <param name="width">W</param>
    /// <param name="toHeight">H'</param>
    /// <param name="toWidth">W'</param>
    /// <param name="factors">[C]</param>
    /// <param name="offsets">[C]</param>
    /// <returns>[B, C, toHeight, toWidth]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] BicubicResize(double[] x, int height, int width, int toHeight, int toWidth, double[] factors, double[] offsets)
    {
        int planes = Rows(x, height * width, "x"), channels = factors.Length;
        Expect(offsets, channels, "offsets");
        return Map(planes * toHeight * toWidth, at =>
        {
            int plane = at / (toHeight * toWidth), row = at / toWidth % toHeight, column = at % toWidth, channel = plane % channels;
            double y = ((row + 0.5) * height / toHeight) - 0.5, across = ((column + 0.5) * width / toWidth) - 0.5, sum = 0;
            for (int r = -1; r <= 2; r++)
            {
                for (int c = -1; c <= 2; c++)
                {
                    int fromRow = (int)Math.Floor(y) + r, fromColumn = (int)Math.Floor(across) + c;
                    double weight = Keys(y - fromRow) * Keys(across - fromColumn);
                    sum += weight * x[(((plane * height) + Math.Clamp(fromRow, 0, height - 1)) * width) + Math.Clamp(fromColumn, 0, width - 1)];
                }
            }
            return (factors[channel] * sum) + offsets[channel];
        });
    }

    /// <summary>Keys' cubic with a = −0.75 at a distance below 2.</summary>
    private static double Keys(double distance)
    {
        const double a = -0.75;
        double x = Math.Abs(distance);
        return x <= 1 ? ((((a + 2) * x) - (a + 3)) * x * x) + 1 : (((((a * x) - (5 * a)) * x) + (8 * a)) * x) - (4 * a);
    }
}
