using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>How two tensors of equal length differ.</summary>
/// <param name="Error">The largest difference over the reference's largest magnitude (docs/6-conformance.md).</param>
/// <param name="Rms">The root mean square of the difference over that of the reference; infinite where a value is not finite.</param>
/// <param name="Absolute">The largest difference of two finite elements.</param>
/// <param name="Relative">The largest difference of two finite elements over the reference's, where that is not zero.</param>
/// <param name="Reference">The reference's magnitudes, all of them.</param>
/// <param name="Other">The other's magnitudes, all of them.</param>
/// <param name="At">The element of the largest difference; where a value is not finite, the first such element.</param>
/// <param name="Cosine">The cosine of the angle between the two, over the finite pairs; NaN where one is zero.</param>
/// <param name="Beyond">Elements whose difference is beyond the tolerance.</param>
/// <param name="NotFinite">Elements that are NaN or infinite in one of the two.</param>
public sealed record TensorDifference(double Error, double Rms, double Absolute, double Relative, TensorRange Reference, TensorRange Other, int At, double Cosine, int Beyond, int NotFinite)
{
    // Beyond these, squares of float64 overflow or vanish.
    private const double SquaresFrom = 1e-140, SquaresTo = 1e140;

    /// <summary>Measures a pair.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="other">The other, of the same length.</param>
    /// <param name="tolerance">In terms of <see cref="Error"/>.</param>
    /// <param name="largestOfKind">As <see cref="TensorError.Over"/> takes it.</param>
    internal static TensorDifference Measure(double[] reference, double[] other, double tolerance, Func<double> largestOfKind)
    {
        var error = new TensorError();
        double absolute = 0, relative = 0, dot = 0, squares = 0, otherSquares = 0, differences = 0;
        int at = 0, firstNotFinite = 0, notFinite = 0;
        TensorRange range = TensorRange.Of(reference), otherRange = TensorRange.Of(other);
        double unit = Unit(reference, other);
        for (int i = 0; i < reference.Length; i++)
        {
            double a = reference[i], b = other[i], difference = Math.Abs(b - a);
            if (!double.IsFinite(a) || !double.IsFinite(b))
            {
                if (notFinite++ == 0) firstNotFinite = i;
                continue;
            }
            error.Add(a, b);
            if (difference > absolute) (absolute, at) = (difference, i);
            if (a != 0) relative = Math.Max(relative, difference / Math.Abs(a));
            (a, b, difference) = (a / unit, b / unit, difference / unit);
            dot += a * b;
            differences += difference * difference;
            squares += a * a;
            otherSquares += b * b;
        }
        double scaled = error.Over(largestOfKind), allowed = scaled == 0 ? 0 : tolerance * (absolute / scaled);
        int beyond = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            if (!(Math.Abs(other[i] - reference[i]) <= allowed)) beyond++;
        }
        double rms = differences == 0 ? 0 : Math.Sqrt(differences / squares);
        if (notFinite > 0) (scaled, rms, at) = (double.PositiveInfinity, double.PositiveInfinity, firstNotFinite);
        return new TensorDifference(scaled, rms, absolute, relative, range, otherRange, at, dot / Math.Sqrt(squares * otherSquares), beyond, notFinite);
    }

    /// <summary>What sums of squares are taken in: 1, or the largest magnitude of a finite pair where its square would overflow or vanish.</summary>
    private static double Unit(double[] reference, double[] other)
    {
        double largest = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double here = Math.Max(Math.Abs(reference[i]), Math.Abs(other[i]));
            if (double.IsFinite(here)) largest = Math.Max(largest, here);
        }
        return largest == 0 || largest is >= SquaresFrom and <= SquaresTo ? 1 : largest;
    }
}
