using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Tests.Operations;

/// <summary>
/// Products on a CPU with rounded operands. Rounded first and multiplied without rounding, or multiplied with rounding, the bits must be the same: rounding happens
/// where operands are packed and changes nothing else.
/// </summary>
internal sealed class PrecisionTests
{
    private static Device Cpu => OperationDevices.Cpu;

    /// <summary>A value rounded by arithmetic in double precision, without a look at its bits: the nearest multiple of a unit that leaves as many bits as the precision keeps.</summary>
    public static float Rounded(float value, Precision precision)
    {
        if (precision == Precision.Single || value == 0) return value;
        double unit = Math.ScaleB(1, Math.ILogB(value) - (precision == Precision.BFloat16 ? 7 : 10));
        return (float)(Math.Round(value / unit, precision == Precision.BFloat16 ? MidpointRounding.ToEven : MidpointRounding.AwayFromZero) * unit);
    }

    [Test, Combinatorial]
    public void A_forward_multiplies_rounded_operands(
        [Values(Precision.TensorFloat32, Precision.BFloat16)] Precision precision, [Values(3, 70)] int rows, [Values] bool packed, [Values] bool ilgpu)
    {
        const int inputs = 300, outputs = 33;
        var device = ilgpu ? OperationDevices.Ilgpu : Cpu;
        using var x = Draw(device, [rows, inputs], 1);
        using var weight = Draw(device, [outputs, inputs], 2);
        using var bias = Draw(device, [outputs], 3);
        using var y = device.Allocate([rows, outputs]);
        using var prepared = packed ? MatMul.Pack(weight, null, precision) : null;
        MatMul.Forward(x, weight, prepared, bias, y, precision);

        using var roundedX = Round(x, precision);
        using var roundedWeight = Round(weight, precision);
        using var preparedRounded = packed ? MatMul.Pack(roundedWeight, null) : null;
        using var expected = device.Allocate([rows, outputs]);
        MatMul.Forward(roundedX, roundedWeight, preparedRounded, bias, expected);
        Assert.That(Distance.SameBits(y.ToArray(), expected.ToArray()));
    }

    [Test, Combinatorial]
    public void Gradients_multiply_rounded_operands([Values(Precision.TensorFloat32, Precision.BFloat16)] Precision precision, [Values(3, 1100)] int rows, [Values] bool accumulate)
    {
        const int inputs = 37, outputs = 20;
        using var x = Draw(Cpu, [rows, inputs], 1);
        using var weight = Draw(Cpu, [outputs, inputs], 2);
        using var dY = Draw(Cpu, [rows, outputs], 3);
        using var dX = Draw(Cpu, [rows, inputs], 4);
        using var dWeight = Draw(Cpu, [outputs, inputs], 5);
        using var expectedX = Draw(Cpu, [rows, inputs], 4);
        using var expectedWeight = Draw(Cpu, [outputs, inputs], 5);
        MatMul.BackwardInput(dY, weight, dX, accumulate, precision);
        MatMul.BackwardWeight(dY, x, dWeight, accumulate, precision);

        using var roundedX = Round(x, precision);
        using var roundedWeight = Round(weight, precision);
        using var roundedY = Round(dY, precision);
        MatMul.BackwardInput(roundedY, roundedWeight, expectedX, accumulate);
        MatMul.BackwardWeight(roundedY, roundedX, expectedWeight, accumulate);
        Assert.That(Distance.SameBits(dX.ToArray(), expectedX.ToArray()), "dx");
        Assert.That(Distance.SameBits(dWeight.ToArray(), expectedWeight.ToArray()), "dW");
    }

    [Test]
    public void A_weight_stored_in_bfloat16_is_read_exactly([Values(3, 70)] int rows, [Values(ElementType.Single, ElementType.BFloat16)] ElementType type)
    {
        const int inputs = 40, outputs = 33;
        using var x = Draw(Cpu, [rows, inputs], 1, type);
        using var weight = Draw(Cpu, [outputs, inputs], 2, ElementType.BFloat16);
        using var widened = Cpu.Upload(weight.ToArray(), [outputs, inputs]);
        using var y = Cpu.Allocate([rows, outputs], type);
        using var expected = Cpu.Allocate([rows, outputs], type);
        using var dX = Cpu.Allocate([rows, inputs], type);
        using var expectedX = Cpu.Allocate([rows, inputs], type);
        MatMul.Forward(x, weight, null, null, y);
        MatMul.Forward(x, widened, null, null, expected);
        MatMul.BackwardInput(y, weight, dX, accumulate: false);
        MatMul.BackwardInput(y, widened, expectedX, accumulate: false);
        Assert.That(Distance.SameBits(y.ToArray(), expected.ToArray()), "y");
        Assert.That(Distance.SameBits(dX.ToArray(), expectedX.ToArray()), "dx");
    }

    [Test]
    public void A_prepared_weight_belongs_to_its_precision()
    {
        using var set = new ParameterSet(Cpu);
        var weight = set.Add("w", [5, 7]);
        set.Allocate();
        weight.Value.Upload([.. Enumerable.Repeat(1f / 3, 5 * 7)]);
        set.MarkChanged();
        const int rows = 1000;
        var forms = Enum.GetValues<Precision>().Select(precision => weight.Prepared(rows, precision)!).ToList();
        Assert.That(forms, Is.Unique);
        Assert.That(forms.Select(form => form.ToArray()[0]), Is.EqualTo(Enum.GetValues<Precision>().Select(precision => Rounded(1f / 3, precision))));
        Assert.That(Enum.GetValues<Precision>().Select(precision => weight.Prepared(rows, precision)), Is.EqualTo(forms), "nothing changed, nothing is made again");

        weight.Value.Upload([.. Enumerable.Repeat(2f / 3, 5 * 7)]);
        set.MarkChanged();
        Assert.That(weight.Prepared(rows, Precision.BFloat16)!.ToArray()[0], Is.EqualTo(Rounded(2f / 3, Precision.BFloat16)));
    }

    [Test]
    public void TF32_refuses_what_is_stored_in_bfloat16()
    {
        using var x = Draw(Cpu, [3, 4], 1, ElementType.BFloat16);
        using var weight = Draw(Cpu, [5, 4], 2);
        using var y = Cpu.Allocate([3, 5], ElementType.BFloat16);
        Assert.That(() => MatMul.Forward(x, weight, null, null, y, Precision.TensorFloat32), Throws.TypeOf<ShapeException>().With.Message.Contains("TF32 takes float32 storage"));
    }

    [Test]
    public void Groups_that_would_not_round_are_refused()
    {
        using var device = Device.OpenIlgpuCpu(threads: 1, groupSize: 2);
        using var x = Draw(device, [3, 4], 1);
        using var weight = Draw(device, [5, 4], 2);
        using var y = device.Allocate([3, 5]);
        Assert.That(() => MatMul.Forward(x, weight, null, null, y, Precision.BFloat16), Throws.TypeOf<DeviceException>().With.Message.Contains("in groups of 2"));
    }

    private static Tensor Draw(Device device, Shape shape, int seed, ElementType type = ElementType.Single)
    {
        var random = new Random(seed);
        var tensor = device.Allocate(shape, type);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
        return tensor;
    }

    private static Tensor Round(Tensor tensor, Precision precision) => tensor.Device.Upload(Array.ConvertAll(tensor.ToArray(), value => Rounded(value, precision)), tensor.Shape);
}
