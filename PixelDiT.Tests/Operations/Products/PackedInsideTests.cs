using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Tests.Operations.Products;

/// <summary>Operands that products pack in their own tasks: whatever is packed together, by whichever thread, the bits are those of any other way.</summary>
internal sealed class PackedInsideTests
{
    [Test]
    public void A_weight_packed_inside_gives_the_bits_of_a_packed_one([Values(33, 200)] int rows, [Values(40, 1100, 2100, 5000)] int depth, [Values(1, 3)] int threads)
    {
        const int outputs = 300;
        using var device = Device.Open("cpu", threads);
        using Kernels.Tensors.Tensor x = Draw(device, [rows, depth], 1), weight = Draw(device, [outputs, depth], 2), bias = Draw(device, [outputs], 3), packed = MatMul.Pack(weight, null)!;
        using Kernels.Tensors.Tensor inside = device.Allocate([rows, outputs]), prepared = device.Allocate([rows, outputs]);
        MatMul.Forward(x, weight, null, bias, inside);
        MatMul.Forward(x, weight, packed, bias, prepared);
        Assert.That(inside.ToArray(), Is.EqualTo(prepared.ToArray()).AsCollection);
    }

    /// <summary>3072 outputs lie whole pages apart and are 32 blocks, so that dy is packed for all inputs at once; of 1500 inputs not all are kept, and it is not.</summary>
    [Test]
    public void A_gradient_of_all_inputs_at_once_has_the_bits_of_each_alone([Values(300, 1500)] int inputs, [Values(1, 3)] int threads)
    {
        const int outputs = 3072, rows = 270, alone = 20;
        using var device = Device.Open("cpu", threads);
        using Kernels.Tensors.Tensor x = Draw(device, [rows, inputs], 1), dY = Draw(device, [rows, outputs], 2), all = device.Allocate([outputs, inputs]);
        MatMul.BackwardWeight(dY, x, all, accumulate: false);
        float[] together = all.ToArray(), values = x.ToArray();
        foreach (int first in (int[])[0, 248, inputs - alone])
        {
            using Kernels.Tensors.Tensor part = device.Upload([.. Enumerable.Range(0, rows).SelectMany(row => values.Skip((row * inputs) + first).Take(alone))], [rows, alone]), own = device.Allocate([outputs, alone]);
            MatMul.BackwardWeight(dY, part, own, accumulate: false);
            float[] expected = own.ToArray();
            Assert.That(Enumerable.Range(0, expected.Length).Count(i => expected[i] != together[(i / alone * inputs) + first + (i % alone)]), Is.Zero, $"inputs from {first} on");
        }
    }

    [Test]
    public void The_first_product_with_a_weight_packs_it_inside_and_the_second_keeps_it_packed()
    {
        using var device = Device.Open("cpu", 1);
        using var parameters = new ParameterSet(device);
        var weight = parameters.Add("weight", [64, 48]);
        parameters.Allocate();
        Assert.That(weight.Prepared(64), Is.Null, "the first of few rows");
        var packed = weight.Prepared(64);
        Assert.That(packed, Is.Not.Null, "the second");
        Assert.That(weight.Prepared(64), Is.SameAs(packed));
        parameters.MarkChanged();
        Assert.That(weight.Prepared(64), Is.Null, "the weight is another");
        Assert.That(weight.Prepared(4096), Is.SameAs(packed), "many rows take a packed weight at once, in the memory of the one before");
        Assert.That(weight.Prepared(64), Is.SameAs(packed), "which serves few rows as well");
        Assert.That(weight.Prepared(4), Is.Null, "hardly any rows read it as it is");
    }

    private static Kernels.Tensors.Tensor Draw(Device device, Shape shape, int seed)
    {
        var random = new Random(seed);
        return device.Upload([.. Enumerable.Range(0, checked((int)shape.Count)).Select(_ => (2 * random.NextSingle()) - 1)], shape);
    }
}
