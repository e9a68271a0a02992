namespace PixelDiT.Reference.Explaining;

/// <summary>A stage's numbers in short.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="RootMeanSquare">√ mean x².</param>
/// <param name="Least">The smallest.</param>
/// <param name="Largest">The largest.</param>
public readonly record struct StageStatistics(double Mean, double RootMeanSquare, double Least, double Largest)
{
    /// <summary>Of values, at least one; not-a-number if one of them is.</summary>
    public static StageStatistics Of(ReadOnlySpan<float> values)
    {
        double sum = 0, squares = 0;
        float least = values[0], largest = values[0];
        foreach (float value in values)
        {
            sum += value;
            squares += (double)value * value;
            // Both are not-a-number from the first one on.
            least = Math.Min(least, value);
            largest = Math.Max(largest, value);
        }
        return new(sum / values.Length, Math.Sqrt(squares / values.Length), least, largest);
    }

    /// <summary>√ mean (a − b)² over √ mean b²: how far a is from b; 0 where both are equal.</summary>
    /// <param name="a">Values.</param>
    /// <param name="b">As many.</param>
    public static double Distance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double squares = 0, whole = 0;
        for (int i = 0; i < a.Length; i++)
        {
            double difference = (double)a[i] - b[i];
            squares += difference * difference;
            whole += (double)b[i] * b[i];
        }
        return squares == 0 ? 0 : Math.Sqrt(squares / whole);
    }
}
