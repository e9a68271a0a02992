using NUnit.Framework;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Operations.Products;

/// <summary>How the rounding of a product grows with the length of its sums.</summary>
internal sealed class ProductRoundingTests
{
    /// <summary>
    /// Sums over k are made of parts of 256, so 16 times as many terms add little beside a part's own rounding; summed in one chain they would have about three
    /// times its relative error.
    /// </summary>
    [Test]
    public void A_long_sum_rounds_as_its_parts_do([Values(2, 64)] int rows, [Values] bool biased) => Assert.That(Error(rows, 4096, biased), Is.LessThan(1.5 * Error(rows, 256, biased)));

    /// <summary>The root mean square of y's rounding over that of y.</summary>
    private static double Error(int rows, int depth, bool biased)
    {
        const int outputs = 128;
        var random = new Random(depth);
        float[] x = Numbers(rows * depth), weight = Numbers(outputs * depth), added = Numbers(outputs);
        var device = OperationDevices.Cpu;
        using var y = device.Allocate([rows, outputs]);
        using (Kernels.Tensors.Tensor a = device.Upload(x, [rows, depth]), b = device.Upload(weight, [outputs, depth]), bias = device.Upload(added, [outputs]))
            MatMul.Forward(a, b, null, biased ? bias : null, y);
        float[] actual = y.ToArray();
        double errors = 0, squares = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            var (row, column) = Math.DivRem(i, outputs);
            double sum = biased ? added[column] : 0;
            for (int k = 0; k < depth; k++) sum += (double)x[(row * depth) + k] * weight[(column * depth) + k];
            errors += (actual[i] - sum) * (actual[i] - sum);
            squares += sum * sum;
        }
        return Math.Sqrt(errors / squares);

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextSingle()) - 1)];
    }
}
