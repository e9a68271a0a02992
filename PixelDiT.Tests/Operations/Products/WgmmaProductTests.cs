using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Operations.Products;

/// <summary>
/// Products of warp groups, emulated on ILGPU's CPU accelerator, against those of a CPU, which share nothing with them but the operands.
/// </summary>
internal sealed class WgmmaProductTests
{
    private Device _wide = null!;

    [OneTimeSetUp]
    public void Open() => _wide = TestedDevices.OpenTiles(warpGroups: true);

    [OneTimeTearDown]
    public void Close() => _wide.Dispose();

    [TestCase(70, 200, 136, true)]
    [TestCase(133, 200, 192, false)]
    public void Forward(int rows, int outputs, int inputs, bool biased) => Compare([rows, outputs], ElementType.BFloat16, (device, y) =>
    {
        using Tensor x = Draw(device, [rows, inputs], 1), weight = Draw(device, [outputs, inputs], 2), bias = Draw(device, [outputs], 3, ElementType.Single);
        MatMul.Forward(x, weight, null, biased ? bias : null, y, Precision.BFloat16);
    });

    [TestCase(70, 200, 136, true)]
    [TestCase(66, 192, 520, false, TestName = "BackwardInput_in_slices")]
    public void BackwardInput(int rows, int inputs, int outputs, bool accumulate) => Compare([rows, inputs], ElementType.BFloat16, (device, dX) =>
    {
        using Tensor dY = Draw(device, [rows, outputs], 4), weight = Draw(device, [outputs, inputs], 5);
        MatMul.BackwardInput(dY, weight, dX, accumulate, Precision.BFloat16);
    });

    [TestCase(72, 264, 128, true)]
    [TestCase(72, 200, 520, false, TestName = "BackwardWeight_in_slices")]
    public void BackwardWeight(int outputs, int inputs, int rows, bool accumulate) => Compare([outputs, inputs], ElementType.Single, (device, dWeight) =>
    {
        using Tensor dY = Draw(device, [rows, outputs], 7), x = Draw(device, [rows, inputs], 8);
        MatMul.BackwardWeight(dY, x, dWeight, accumulate, Precision.BFloat16);
    });

    [Test]
    public void A_weight_rounded_before_gives_the_same_bits()
    {
        using Tensor x = Draw(_wide, [5, 136], 1), weight = Draw(_wide, [200, 136], 2, ElementType.Single), y = _wide.Allocate([5, 200], ElementType.BFloat16), expected = _wide.Allocate([5, 200], ElementType.BFloat16);
        using var packed = MatMul.Pack(weight, null, Precision.BFloat16);
        Assert.That(packed!.Type, Is.EqualTo(ElementType.BFloat16));
        MatMul.Forward(x, weight, packed, null, y, Precision.BFloat16);
        MatMul.Forward(x, weight, null, null, expected, Precision.BFloat16);
        Assert.That(Distance.SameBits(y.ToArray(), expected.ToArray()));
    }

    [Test]
    public void A_device_that_has_not_been_looked_at_is_asked_once()
    {
        using var device = Device.OpenIlgpuCpu(threads: 1, groupSize: 256, warpGroups: true);
        device.WarpGroups = WarpGroupUse.Unchecked;
        Assert.That(WgmmaCheck.Trusts(device, rows: 64, columns: 192, depth: 136));
        Assert.That(device.WarpGroups, Is.EqualTo(WarpGroupUse.Trusted));
        long launched = device.Launches;
        Assert.That(WgmmaCheck.Trusts(device));
        Assert.That(device.Launches, Is.EqualTo(launched));
        device.WarpGroups = WarpGroupUse.Refused;
        Assert.That(WgmmaCheck.Trusts(device), Is.False);
    }

    /// <summary>Sums of both are float32 and differ in their order: 1e-6 a step of √k, and a unit of the last place where the result is stored in bfloat16.</summary>
    private void Compare(Shape shape, ElementType type, Action<Device, Tensor> multiply)
    {
        float[] wide = Run(_wide), plain = Run(OperationDevices.Cpu);
        Assert.That(plain.Max(Math.Abs), Is.GreaterThan(1));
        double error = wide.Zip(plain, (a, b) => Math.Abs(a - b) / (2e-5 + (type == ElementType.BFloat16 ? Math.Abs(b) / 128 : 0))).Max();
        TestContext.Out.WriteLine($"{error:0.000} of the tolerance");
        Assert.That(error, Is.LessThanOrEqualTo(1));

        float[] Run(Device device)
        {
            using var result = Draw(device, shape, 9, type);
            multiply(device, result);
            return result.ToArray();
        }
    }

    private static Tensor Draw(Device device, Shape shape, int seed, ElementType type = ElementType.BFloat16)
    {
        var random = new Random(seed);
        var tensor = device.Allocate(shape, type);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
        return tensor;
    }
}
