using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Operations.Vision;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Operations.Rows;

/// <summary>Sums of every term, over a whole tensor and over each of its rows, against plain sums in double precision.</summary>
internal sealed class ReductionTests
{
    private const int Rows = 3;

    private static Device Device => TestedDevices.Operations;

    [Test]
    public void Sums_are_those_of_their_terms([Values(1, 37, 4097, 9000)] int width)
    {
        int count = Rows * width;
        using Tensor x = Draw(count, 1), z = Draw(count, 2), positive = Draw(count, 3, value => 1 + (value * value)), factor = Draw(1, 4);
        using var narrow = Device.Allocate([count], ElementType.BFloat16);
        float[] a = x.ToArray(), b = z.ToArray(), second = positive.ToArray();
        narrow.Upload(a);
        float[] half = narrow.ToArray();
        float scale = factor.ToArray()[0];
        Check(new RmsNorm.SquareTerm<Single32>(x.View<Single32>(), 0), i => (double)a[i] * a[i]);
        Check(new RmsNorm.SquareTerm<BFloat16>(narrow.View<BFloat16>(), 0), i => (double)half[i] * half[i]);
        Check(new L2Normalize.ProductTerm(x.View<float>(), z.View<float>(), 0), i => (double)a[i] * b[i]);
        Check(new CosineLoss.CosineTerm(x.View<float>()), i => a[i]);
        Check(new GradientNorm.SquareTerm(x.View<float>()), i => (double)a[i] * a[i]);
        Check(new MeanSquaredError.SquareTerm(x.View<float>(), z.View<float>()), i => ((double)a[i] - b[i]) * ((double)a[i] - b[i]));
        Check(new Came.ValueTerm(x.View<float>()), i => a[i]);
        Check(new Came.PlainUpdateTerm(new(x.View<float>(), factor.View<float>()), positive.View<float>()), i => (double)a[i] * scale * a[i] * scale / second[i]);

        void Check<TTerm>(TTerm term, Func<int, double> expected) where TTerm : struct, ITerm
        {
            double[] terms = [.. Enumerable.Range(0, count).Select(expected)];
            // Errors of both signs of count roundings, against the sum without signs.
            double size = terms.Sum(Math.Abs), tolerance = 1e-6 * size;
            using Tensor sum = Device.Allocate([1]), means = Device.Allocate([Rows]);
            Reduction.Reduce(Device, term, count, new Reduction.Mean(sum.View<float>(), 1));
            Assert.That(sum.ToArray()[0], Is.EqualTo(terms.Sum()).Within(tolerance), $"{KernelName.Of(typeof(TTerm))}, all");
            Reduction.MeanOfRows(Device, term, Rows, width, means.View<float>());
            float[] actual = means.ToArray();
            for (int row = 0; row < Rows; row++) Assert.That(actual[row], Is.EqualTo(terms.Skip(row * width).Take(width).Average()).Within(tolerance / width), $"{KernelName.Of(typeof(TTerm))}, row {row}");
        }
    }

    private static Tensor Draw(int count, int seed, Func<float, float>? change = null)
    {
        var random = new Random(seed);
        return Device.Upload([.. Enumerable.Range(0, count).Select(_ => (2 * random.NextSingle()) - 1).Select(value => change is null ? value : change(value))], [count]);
    }
}
