using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

public static partial class Exact
{
    /// <summary>
    /// One step of CAME for a matrix [R, C], in the authors' variant; mix(a, β, x) = βa + (1 − β)x. q = g² + ε₁; r, c: row and column means of q, mixed with β₂;
    /// u = g · (r_i/mean r)^(−1/2) · c_j^(−1/2), divided by max(1, rms(u)/clip); m = mix(m, β₁, u); z = (u − m)² + ε₂ with the new m; rr, cc: means of z, mixed with β₃;
    /// p ← p·(1 − lr·wd) − lr · m · (rr_i/mean rr)^(−1/2) · cc_j^(−1/2).
    /// </summary>
    /// <param name="parameter">p [R, C]</param>
    /// <param name="gradient">g [R, C], already clipped</param>
    /// <param name="mean">m [R, C]</param>
    /// <param name="moments">r [R], c [C], rr [R], cc [C]; zeros before the first step</param>
    /// <param name="learningRate">lr</param>
    /// <param name="decay">wd</param>
    /// <param name="beta">β₁, β₂, β₃</param>
    /// <param name="epsilon">ε₁, ε₂</param>
    /// <param name="clip">The largest root mean square of u.</param>
    /// <returns>p, m and the moments after the step</returns>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static (double[] Parameter, double[] Mean, (double[] Rows, double[] Columns, double[] ResidualRows, double[] ResidualColumns) Moments) CameMatrix(
        double[] parameter, double[] gradient, double[] mean, (double[] Rows, double[] Columns, double[] ResidualRows, double[] ResidualColumns) moments,
        double learningRate, double decay, (double First, double Second, double Third) beta, (double Gradient, double Residual) epsilon, double clip)
    {
        int rows = moments.Rows.Length, columns = moments.Columns.Length;
        Expect(parameter, (long)rows * columns, "parameter");
        Expect(gradient, parameter.Length, "gradient");
        Expect(mean, parameter.Length, "mean");
        Expect(moments.ResidualRows, rows, "rows of the residual");
        Expect(moments.ResidualColumns, columns, "columns of the residual");

        double[] q = Map(gradient.Length, i => gradient[i] * gradient[i] + epsilon.Gradient);
        double[] r = Mix(moments.Rows, beta.Second, RowMeans(q, rows, columns)), c = Mix(moments.Columns, beta.Second, ColumnMeans(q, rows, columns));
        double[] u = ClipUpdate(Factored(gradient, r, c), clip);
        double[] m = Mix(mean, beta.First, u);
        double[] z = Map(u.Length, i => (u[i] - m[i]) * (u[i] - m[i]) + epsilon.Residual);
        double[] rr = Mix(moments.ResidualRows, beta.Third, RowMeans(z, rows, columns)), cc = Mix(moments.ResidualColumns, beta.Third, ColumnMeans(z, rows, columns));
        double[] d = Factored(m, rr, cc);
        return (Map(d.Length, i => parameter[i] * (1 - learningRate * decay) - learningRate * d[i]), m, (r, c, rr, cc));
    }

    /// <summary>
    /// One step of CAME for a parameter that is no matrix: v = mix(v, β₂, g² + ε₁); u = g/√v, divided by max(1, rms(u)/clip); m = mix(m, β₁, u); p ← p·(1 − lr·wd) − lr·m.
    /// </summary>
    /// <param name="parameter">p, any shape</param>
    /// <param name="gradient">g, the same shape, already clipped</param>
    /// <param name="mean">m, the same shape; zeros before the first step</param>
    /// <param name="second">v, the same shape; zeros before the first step</param>
    /// <param name="learningRate">lr</param>
    /// <param name="decay">wd</param>
    /// <param name="beta">β₁, β₂</param>
    /// <param name="epsilon">ε₁</param>
    /// <param name="clip">The largest root mean square of u.</param>
    /// <returns>p, m and v after the step</returns>
    /// <exception cref="ShapeException">The lengths differ.</exception>
    public static (double[] Parameter, double[] Mean, double[] Second) CamePlain(
        double[] parameter, double[] gradient, double[] mean, double[] second, double learningRate, double decay, (double First, double Second) beta, double epsilon, double clip)
    {
        Expect(gradient, parameter.Length, "gradient");
        Expect(mean, parameter.Length, "mean");
        Expect(second, parameter.Length, "second");

        double[] v = Mix(second, beta.Second, Map(gradient.Length, i => gradient[i] * gradient[i] + epsilon));
        double[] m = Mix(mean, beta.First, ClipUpdate(Map(v.Length, i => gradient[i] / Math.Sqrt(v[i])), clip));
        return (Map(m.Length, i => parameter[i] * (1 - learningRate * decay) - learningRate * m[i]), m, v);
    }

    private static double[] Mix(double[] old, double beta, double[] fresh) => Map(old.Length, i => beta * old[i] + (1 - beta) * fresh[i]);

    private static double[] RowMeans(double[] x, int rows, int columns) => Map(rows, i => Enumerable.Range(0, columns).Average(j => x[i * columns + j]));

    private static double[] ColumnMeans(double[] x, int rows, int columns) => Map(columns, j => Enumerable.Range(0, rows).Average(i => x[i * columns + j]));

    /// <summary>x_ij · (row_i / mean of rows)^(−1/2) · column_j^(−1/2)</summary>
    private static double[] Factored(double[] x, double[] rows, double[] columns)
    {
        double mean = rows.Average();
        return Map(x.Length, k => x[k] / Math.Sqrt(rows[k / columns.Length] / mean) / Math.Sqrt(columns[k % columns.Length]));
    }

    private static double[] ClipUpdate(double[] u, double clip)
    {
        double divisor = Math.Max(1, Math.Sqrt(u.Average(value => value * value)) / clip);
        return Map(u.Length, i => u[i] / divisor);
    }
}
