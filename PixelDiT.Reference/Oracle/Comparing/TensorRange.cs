namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>How large a tensor's elements are, whatever stands in their place in another.</summary>
/// <param name="Largest">The largest magnitude of those that are numbers; infinite where one is.</param>
/// <param name="Infinite">How many are infinite.</param>
/// <param name="NaN">How many are NaN.</param>
public sealed record TensorRange(double Largest, int Infinite, int NaN)
{
    /// <summary>Measures a tensor.</summary>
    internal static TensorRange Of(double[] values)
    {
        double largest = 0;
        int infinite = 0, nan = 0;
        foreach (double value in values)
        {
            if (double.IsNaN(value)) nan++;
            else largest = Math.Max(largest, Math.Abs(value));
            if (double.IsInfinity(value)) infinite++;
        }
        return new TensorRange(largest, infinite, nan);
    }
}
