using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Benchmarking;

namespace PixelDiT.Tests.Benchmarking;

/// <summary>One matrix product, timed by itself.</summary>
internal sealed class ProductBenchmarkTests
{
    [Test]
    public void Sizes_are_read_in_the_order_of_the_product()
    {
        var size = ProductSize.Parse("8192x1152x24576");
        Assert.That((size.M, size.N, size.K), Is.EqualTo((8192, 1152, 24576)));
        Assert.That(size.Gflop, Is.EqualTo(2 * 8.192 * 1.152 * 24.576).Within(1e-9));
    }

    [TestCase("8192"), TestCase("8x8"), TestCase("8x8x0"), TestCase("8x8x8x8"), TestCase("8×8×8"), TestCase("-1x1x1"), TestCase("1000000x1x1"), TestCase(""), TestCase("999999x999999x1")]
    public void Anything_else_is_refused(string text)
        => Assert.That(() => ProductSize.Parse(text), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith($"product is '{text}'"));

    [Test]
    public void Every_precision_runs_in_its_storage([Values] Precision precision)
    {
        using var device = Device.Open("cpu", 1);
        var run = ProductBenchmark.Run(new ProductSize(40, 24, 16), device, 1, precision, warmUp: 0);
        Assert.That(run.Time.Median, Is.Positive);
        Assert.That(run.Launches, Is.EqualTo(1), "the weight is prepared once");
        Assert.That(run.Gflop, Is.EqualTo(2 * 40 * 24 * 16 / 1e9));
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }
}
