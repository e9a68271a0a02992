using NUnit.Framework;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Catalog;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Operations;

/// <summary>Kernels over bfloat16 storage that the table of operation cases does not reach, and the one that measures a device.</summary>
internal sealed class StoredTableTests
{
    [TestCase(5), TestCase(8)]
    public void Rows_of_a_bfloat16_table_are_taken(int width)
    {
        var device = TestedDevices.Operations;
        float[] values = [.. Enumerable.Range(0, 4 * width).Select(i => (float)i)];
        using var table = device.Allocate([4, width], ElementType.BFloat16);
        table.Upload(values);
        using var ids = device.Upload((int[])[3, 0, 3], [3]);
        using var y = device.Allocate([3, width]);
        ScaledEmbedding.Forward(table, ids, 0.5f, y);
        Assert.That(y.ToArray(), Is.EqualTo(new[] { 3, 0, 3 }.SelectMany(row => values.Skip(row * width).Take(width)).Select(value => value / 2)));
    }

    [TestCase(1), TestCase(4099)]
    public void A_bfloat16_tensor_is_filled(int count)
    {
        using var y = TestedDevices.Operations.Allocate([count], ElementType.BFloat16);
        Fill.Forward(-1.5f, y);
        Assert.That(y.ToArray(), Has.All.EqualTo(-1.5f));
    }

    [Test]
    public void The_peak_of_a_device_is_a_rate() => Assert.That(PeakRate.Measure(TestedDevices.Operations), Is.Positive.And.LessThan(1e6));
}
