using NUnit.Framework;

namespace PixelDiT.Tests.Oracle;

/// <summary>How far a result lies from what was expected, in the measure of the golden tensors.</summary>
internal static class Deviation
{
    /// <summary>
    /// Asserts that no difference is above <paramref name="tolerance"/> times the largest magnitude of <paramref name="expected"/>; where
    /// that is zero, none may be.
    /// </summary>
    public static void Check(string what, double[] actual, double[] expected, double tolerance)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length), what);

        // Math.Max hands a NaN on, where the Max of a sequence would pass over it; and no comparison with NaN holds.
        double largest = expected.Select(Math.Abs).Aggregate(Math.Max);
        double difference = actual.Zip(expected, (a, e) => Math.Abs(a - e)).Aggregate(Math.Max);
        TestContext.Out.WriteLine($"{what}: {difference / largest:e2}");
        Assert.That(difference <= tolerance * largest, $"{what} differs by {difference}; {tolerance} of {largest} is allowed");
    }
}
