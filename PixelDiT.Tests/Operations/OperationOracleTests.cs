using NUnit.Framework;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Operations;

/// <summary>Every row against its oracle: the forward element by element, gradients along directions.</summary>
[TestFixtureSource(typeof(OperationCases), nameof(OperationCases.All))]
internal sealed class OperationOracleTests(OperationCase row)
{
    private const int Directions = 10;
    private const int EveryCoordinate = 64;

    /// <summary>A step whose square, the error of a central difference, is far below float32's rounding, as is double's rounding over it.</summary>
    private const double Step = 3e-5;

    [Test]
    public void Forward_agrees()
    {
        float[] actual = OperationRun.Execute(row, TestedDevices.Operations).Output;
        double[] expected = row.Oracle(row.Draw());
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        Check("output", Distance.Largest(actual, expected), row.ForwardTolerance);
    }

    [Test]
    public void Gradients_agree_with_differences_of_the_oracle()
    {
        if (row.GradientTolerance is not { } tolerance) return;
        var values = row.Draw();
        var gradients = OperationRun.Execute(row, TestedDevices.Operations, values).Gradients;
        float[] cotangent = row.Cotangent(row.Oracle(values).Length);
        double fed = Norm(cotangent);
        foreach (var input in row.Inputs.Where(input => input.HasGradient))
        {
            float[] gradient = gradients[input.Name];
            double norm = Norm(gradient), scale = input.Vanishes ? fed : norm, worst = 0;
            Assert.That(scale, Is.GreaterThan(0), $"the gradient of {input.Name} is zero");
            foreach (double[] direction in DirectionsOf(input))
            {
                double actual = gradient.Zip(direction, (g, d) => g * d).Sum();
                double error = Math.Abs(actual - Slope(values, input.Name, direction, cotangent)) / scale;
                worst = double.IsNaN(error) ? double.PositiveInfinity : Math.Max(worst, error);
            }
            Check($"gradient of {input.Name}", worst, tolerance);
        }
    }

    private double Slope(OperationValues values, string name, double[] direction, float[] cotangent)
    {
        double Loss() => row.Oracle(values).Zip(cotangent, (y, c) => y * c).Sum();
        return (values.Moved(name, direction, Step, Loss) - values.Moved(name, direction, -Step, Loss)) / (2 * Step);
    }

    private static IEnumerable<double[]> DirectionsOf(Input input)
    {
        int count = (int)input.Shape.Count;
        var random = new Random(count);
        for (int k = 0; k < (count <= EveryCoordinate ? count : Directions); k++)
        {
            double[] direction = [.. Enumerable.Range(0, count).Select(i => count <= EveryCoordinate ? (i == k ? 1 : 0) : 2 * random.NextDouble() - 1)];
            if (input.Written is { } written) direction = [.. direction.Select((d, i) => written(i) ? d : 0)];
            yield return direction;
        }
    }

    private static double Norm(float[] values) => Math.Sqrt(values.Sum(value => (double)value * value));

    private static void Check(string what, double error, Tolerance tolerance)
    {
        TestContext.Out.WriteLine($"{what}: {error:e2} of {tolerance.Value:e1}");
        Assert.That(error, Is.LessThanOrEqualTo(tolerance.Value), $"{what}; allowed because {tolerance.Reason}");
    }
}
