using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Operations;

/// <summary>Products with a weight of which no packing is kept, as it lies in bfloat16 or float32, by every body that a device may choose.</summary>
internal sealed class MatMulOnceTests
{
    private static readonly (string Name, int GroupSize)[] s_devices = [("cpu", 1), ("ilgpu-cpu", 1), ("ilgpu-cpu", 32), ("ilgpu-cpu", 256)];

    [Test, Combinatorial]
    public void A_weight_is_multiplied_as_it_is_stored(
        [ValueSource(nameof(s_devices))] (string Name, int GroupSize) on, [Values(3, 70)] int rows, [Values(ElementType.BFloat16, ElementType.Single)] ElementType stored, [Values] Precision precision)
    {
        // Bodies without tiles round nothing.
        if (on.GroupSize == 32 && precision != Precision.Single) return;
        const int inputs = 72, outputs = 40;
        using var device = on.GroupSize == 1 ? Device.Open(on.Name, 2) : Device.OpenIlgpuCpu(threads: 1, on.GroupSize);
        var random = new Random(rows);
        // Values that every precision holds: what is multiplied is then exact, and only sums round.
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => PrecisionTests.Rounded((2 * random.NextSingle()) - 1, Precision.BFloat16))];
        float[] xs = Draw(rows * inputs), weights = Draw(outputs * inputs);
        double[] expected = Exact.Linear(Array.ConvertAll(xs, value => (double)value), Array.ConvertAll(weights, value => (double)value), null, inputs, outputs);
        using (var x = device.Upload(xs, [rows, inputs]))
        using (var weight = device.Allocate([outputs, inputs], stored))
        using (var y = device.Allocate([rows, outputs]))
        {
            weight.Upload(weights);
            MatMul.ForwardOnce(x, weight, y, precision);
            Assert.That(Distance.Largest(y.ToArray(), expected), Is.LessThanOrEqualTo(Tolerances.Product.Value));
        }
        Assert.That(device.Arena.BytesInUse, Is.Zero, "nothing is kept");
    }
}
