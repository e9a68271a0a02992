namespace PixelDiT.Tests.Operations;

/// <summary>How far two arrays lie apart.</summary>
internal static class Distance
{
    /// <summary>The largest difference over the largest magnitude expected, or over <paramref name="scale"/> where given; infinite for a NaN.</summary>
    public static double Largest(IEnumerable<float> actual, IEnumerable<double> expected, double scale = 0)
    {
        double difference = 0, largest = 0;
        foreach (var (a, e) in actual.Zip(expected))
        {
            double here = Math.Abs(a - e);
            difference = double.IsNaN(here) ? double.PositiveInfinity : Math.Max(difference, here);
            largest = Math.Max(largest, Math.Abs(e));
        }
        return difference == 0 ? 0 : difference / (scale > 0 ? scale : largest);
    }

    /// <summary>The same between two results in float32.</summary>
    public static double Largest(float[] actual, float[] expected, double scale = 0) => Largest(actual, expected.Select(value => (double)value), scale);

    /// <summary>Whether all bits are equal, those of NaNs too.</summary>
    public static bool SameBits(float[] a, float[] b) => a.Select(BitConverter.SingleToUInt32Bits).SequenceEqual(b.Select(BitConverter.SingleToUInt32Bits));
}
