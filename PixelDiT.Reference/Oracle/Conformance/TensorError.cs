using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>
/// The error of a tensor, gathered element by element: the largest difference over the largest magnitude of the expected tensor; where that is all zero, over 1e-7 of
/// the largest tensor of its kind. A NaN is an infinite error.
/// </summary>
internal struct TensorError
{
    private const double ShareOfKind = 1e-7;

    /// <summary>The largest magnitude expected.</summary>
    public double Largest { get; private set; }

    /// <summary>The largest difference; infinite where one is NaN.</summary>
    public double Difference { get; private set; }

    /// <summary>The error of values that were computed, of a tensor that is not all zero.</summary>
    /// <exception cref="ShapeException">There are more or fewer than expected.</exception>
    public static double Between(double[] expected, IEnumerable<double> actual)
    {
        double[] computed = [.. actual];
        if (computed.Length != expected.Length) throw new ShapeException($"{expected.Length} values were expected, {computed.Length} were computed");
        var error = new TensorError();
        foreach (var (of, value) in expected.Zip(computed)) error.Add(of, value);
        return error.Over(() => 0);
    }

    /// <summary>Takes one element.</summary>
    public void Add(double expected, double actual)
    {
        double here = Math.Abs(actual - expected);
        Largest = Math.Max(Largest, Math.Abs(expected));
        Difference = double.IsNaN(here) ? double.PositiveInfinity : Math.Max(Difference, here);
    }

    /// <summary>The error.</summary>
    /// <param name="largestOfKind">The largest magnitude of the tensor's kind, asked for where the expected tensor is all zero.</param>
    public readonly double Over(Func<double> largestOfKind)
    {
        if (Difference == 0) return 0;
        double error = Difference / (Largest == 0 ? ShareOfKind * largestOfKind() : Largest);
        return double.IsNaN(error) ? double.PositiveInfinity : error;
    }
}
