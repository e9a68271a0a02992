using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

public static partial class Exact
{
    /// <summary>Training times from standard normal draws: sigmoid, then the time shift (SPEC §4).</summary>
    /// <param name="normal">[B], standard normal</param>
    /// <param name="shift">s, 1 at 256² and 3 at 512².</param>
    /// <returns>[B], from 0 (noise) to 1 (data)</returns>
    public static double[] TrainingTimes(double[] normal, double shift) =>
        Map(normal.Length, b => TimeShift(1 / (1 + Math.Exp(-normal[b])), shift));

    /// <summary>t / (t + (1 − t)·s), the time shift of the class model (SPEC §4, §5): a larger s stays longer near the noise.</summary>
    /// <param name="t">from 0 (noise) to 1 (data)</param>
    /// <param name="shift">s, positive</param>
    public static double TimeShift(double t, double shift) => t / (t + (1 - t) * shift);

    /// <summary>x_t = t·x + (1 − t)·ε, one t an image: t = 1 is data (SPEC §4).</summary>
    /// <param name="x">[B, …], clean images in [−1, 1]</param>
    /// <param name="noise">ε, the shape of x</param>
    /// <param name="t">[B], from 0 to 1</param>
    /// <returns>the shape of x</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] Interpolate(double[] x, double[] noise, double[] t)
    {
        int perImage = Rows(x, t.Length, "x");
        Expect(noise, x.Length, "noise");
        return Map(x.Length, i => t[i / perImage] * x[i] + (1 - t[i / perImage]) * noise[i]);
    }

    /// <summary>v = x − ε, the velocity that the model learns: the derivative of <see cref="Interpolate"/> by t (SPEC §4).</summary>
    /// <param name="x">any shape</param>
    /// <param name="noise">ε, the same shape</param>
    /// <returns>the same shape</returns>
    /// <exception cref="ShapeException">The lengths differ.</exception>
    public static double[] Velocity(double[] x, double[] noise)
    {
        Expect(noise, x.Length, "noise");
        return Map(x.Length, i => x[i] - noise[i]);
    }

    /// <summary>mean (a − b)² over all elements, the training loss (SPEC §4).</summary>
    /// <param name="a">any shape, not empty</param>
    /// <param name="b">the same shape</param>
    /// <exception cref="ShapeException">The lengths differ.</exception>
    public static double MeanSquaredError(double[] a, double[] b)
    {
        Expect(b, a.Length, "b");
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
        return sum / a.Length;
    }

    /// <summary>‖g‖₂ over all gradients together (SPEC §4, clipping).</summary>
    /// <param name="gradients">any shapes</param>
    public static double GradientNorm(IEnumerable<double[]> gradients)
    {
        double squares = 0;
        foreach (double[] gradient in gradients)
        {
            foreach (double value in gradient) squares += value * value;
        }
        return Math.Sqrt(squares);
    }

    /// <summary>min(1, clip / (‖g‖₂ + 1e-6)), what every gradient is multiplied by (SPEC §4).</summary>
    /// <param name="norm">‖g‖₂ of <see cref="GradientNorm"/></param>
    /// <param name="clip">The largest norm let through, positive.</param>
    public static double ClipFactor(double norm, double clip) => Math.Min(1, clip / (norm + 1e-6));

    /// <summary>
    /// One step of AdamW (SPEC §4): p ← p·(1 − lr·wd); m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²;
    /// p ← p − lr · (m / (1 − β₁ᵏ)) / (√(v / (1 − β₂ᵏ)) + ε).
    /// </summary>
    /// <param name="parameter">p, any shape</param>
    /// <param name="gradient">g, the same shape, already clipped</param>
    /// <param name="first">m, the same shape; zeros before the first step</param>
    /// <param name="second">v, the same shape; zeros before the first step</param>
    /// <param name="step">k, 1 for the first step.</param>
    /// <param name="learningRate">lr</param>
    /// <param name="decay">wd, the decoupled weight decay.</param>
    /// <param name="beta1">β₁</param>
    /// <param name="beta2">β₂</param>
    /// <param name="epsilon">ε, added after the root.</param>
    /// <returns>p, m and v after the step</returns>
    /// <exception cref="ShapeException">The lengths differ.</exception>
    public static (double[] Parameter, double[] First, double[] Second) AdamW(
        double[] parameter, double[] gradient, double[] first, double[] second, int step,
        double learningRate, double decay = 0, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8)
    {
        Expect(gradient, parameter.Length, "gradient");
        Expect(first, parameter.Length, "first");
        Expect(second, parameter.Length, "second");

        double[] m = Map(first.Length, i => beta1 * first[i] + (1 - beta1) * gradient[i]);
        double[] v = Map(second.Length, i => beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i]);
        double mCorrection = 1 - Math.Pow(beta1, step), vCorrection = 1 - Math.Pow(beta2, step);
        double[] p = Map(parameter.Length, i =>
            parameter[i] * (1 - learningRate * decay) - learningRate * (m[i] / mCorrection) / (Math.Sqrt(v[i] / vCorrection) + epsilon));
        return (p, m, v);
    }

    /// <summary>decay · average + (1 − decay) · parameter, the exponential moving average taken after every step (SPEC §4).</summary>
    /// <param name="average">any shape</param>
    /// <param name="parameter">the same shape, after the step</param>
    /// <param name="decay">0.9999 in the published recipe.</param>
    /// <returns>the same shape</returns>
    /// <exception cref="ShapeException">The lengths differ.</exception>
    public static double[] Ema(double[] average, double[] parameter, double decay)
    {
        Expect(parameter, average.Length, "parameter");
        return Map(average.Length, i => decay * average[i] + (1 - decay) * parameter[i]);
    }
}
