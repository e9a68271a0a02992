using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Operations.Products;

/// <summary>
/// Whole products of the tensor-core kernels, entered by ILGPU's CPU accelerator in groups of 256 with warps of 32 and with every instruction emulated, against
/// plain loops over rounded operands in double precision: what remains is the rounding of float32 sums. Threads of a group are threads of the system, so each case
/// costs tenths of a second; the cases are few and small.
/// </summary>
internal sealed class MmaProductTests
{
    /// <summary>A sum of k products of numbers up to 1 stays below 16 here: half a unit of its last place, 2⁻²¹, a step at worst, and √k of them in practice.</summary>
    private static double SumRounding(int k) => 1e-6 * Math.Sqrt(k);

    /// <summary>The same with a result stored in bfloat16: half a unit of its last place.</summary>
    private const double StoredRounding = 1.0 / 256;

    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = TestedDevices.OpenTiles();

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    [TestCase(Precision.BFloat16, ElementType.Single, ElementType.Single, 17, 24, 36, true, TestName = "Forward_bf16")]
    [TestCase(Precision.BFloat16, ElementType.BFloat16, ElementType.BFloat16, 130, 20, 104, true, TestName = "Forward_bf16_copied_asynchronously")]
    [TestCase(Precision.BFloat16, ElementType.BFloat16, ElementType.Single, 5, 129, 33, true, TestName = "Forward_bf16_odd")]
    [TestCase(Precision.BFloat16, ElementType.Single, ElementType.BFloat16, 9, 9, 64, false, TestName = "Forward_bf16_weight_without_bias")]
    [TestCase(Precision.TensorFloat32, ElementType.Single, ElementType.Single, 17, 24, 40, true, TestName = "Forward_tf32")]
    [TestCase(Precision.TensorFloat32, ElementType.Single, ElementType.Single, 3, 5, 7, false, TestName = "Forward_tf32_odd")]
    [TestCase(Precision.Single, ElementType.Single, ElementType.Single, 130, 132, 40, true, TestName = "Forward_fp32")]
    [TestCase(Precision.Single, ElementType.Single, ElementType.Single, 17, 9, 33, false, TestName = "Forward_fp32_odd")]
    public void Forward(Precision precision, ElementType stored, ElementType weightStored, int rows, int outputs, int inputs, bool biased)
    {
        using var x = Draw([rows, inputs], stored, 1);
        using var weight = Draw([outputs, inputs], weightStored, 2);
        using var bias = Draw([outputs], ElementType.Single, 3);
        using var y = _device.Allocate([rows, outputs], stored);
        MatMul.Forward(x, weight, null, biased ? bias : null, y, precision);

        float[] a = Rounded(x, precision), b = Rounded(weight, precision), start = bias.ToArray();
        Compare(y, inputs, (m, n) => Sum(inputs, k => (double)a[(m * inputs) + k] * b[(n * inputs) + k]) + (biased ? start[n] : 0));
    }

    [TestCase(Precision.BFloat16, ElementType.Single, ElementType.Single, 17, 44, 20, true, TestName = "Input_gradient_bf16")]
    [TestCase(Precision.BFloat16, ElementType.BFloat16, ElementType.BFloat16, 20, 136, 96, true, TestName = "Input_gradient_bf16_copied_asynchronously")]
    [TestCase(Precision.BFloat16, ElementType.BFloat16, ElementType.Single, 3, 130, 35, false, TestName = "Input_gradient_bf16_odd")]
    [TestCase(Precision.BFloat16, ElementType.BFloat16, ElementType.BFloat16, 4, 8, 520, false, TestName = "Input_gradient_bf16_of_bf16_in_slices")]
    [TestCase(Precision.BFloat16, ElementType.Single, ElementType.BFloat16, 5, 33, 36, false, TestName = "Input_gradient_bf16_weight")]
    [TestCase(Precision.Single, ElementType.BFloat16, ElementType.BFloat16, 5, 33, 19, true, TestName = "Input_gradient_fp32_of_bf16")]
    [TestCase(Precision.Single, ElementType.Single, ElementType.BFloat16, 5, 33, 19, true, TestName = "Input_gradient_fp32_weight_of_bf16")]
    [TestCase(Precision.BFloat16, ElementType.BFloat16, ElementType.Single, 4, 8, 520, true, TestName = "Input_gradient_bf16_in_slices")]
    [TestCase(Precision.TensorFloat32, ElementType.Single, ElementType.Single, 17, 40, 24, false, TestName = "Input_gradient_tf32")]
    [TestCase(Precision.Single, ElementType.Single, ElementType.Single, 70, 132, 520, true, TestName = "Input_gradient_fp32_in_slices")]
    public void BackwardInput(Precision precision, ElementType stored, ElementType weightStored, int rows, int inputs, int outputs, bool accumulate)
    {
        using var dY = Draw([rows, outputs], stored, 4);
        using var weight = Draw([outputs, inputs], weightStored, 5);
        using var dX = Draw([rows, inputs], stored, 6);
        float[] a = Rounded(dY, precision), b = Rounded(weight, precision), before = dX.ToArray();
        MatMul.BackwardInput(dY, weight, dX, accumulate, precision);
        Compare(dX, outputs, (m, n) => Sum(outputs, k => (double)a[(m * outputs) + k] * b[(k * inputs) + n]) + (accumulate ? before[(m * inputs) + n] : 0));
    }

    [TestCase(Precision.BFloat16, ElementType.Single, 20, 36, 17, true, TestName = "Weight_gradient_bf16")]
    [TestCase(Precision.BFloat16, ElementType.BFloat16, 136, 24, 100, false, TestName = "Weight_gradient_bf16_copied_asynchronously")]
    [TestCase(Precision.BFloat16, ElementType.BFloat16, 3, 130, 33, true, TestName = "Weight_gradient_bf16_odd")]
    [TestCase(Precision.TensorFloat32, ElementType.Single, 132, 20, 33, true, TestName = "Weight_gradient_tf32")]
    [TestCase(Precision.TensorFloat32, ElementType.Single, 5, 3, 520, true, TestName = "Weight_gradient_tf32_in_slices")]
    [TestCase(Precision.Single, ElementType.Single, 132, 70, 36, true, TestName = "Weight_gradient_fp32")]
    [TestCase(Precision.Single, ElementType.Single, 5, 131, 19, false, TestName = "Weight_gradient_fp32_odd")]
    public void BackwardWeight(Precision precision, ElementType stored, int outputs, int inputs, int rows, bool accumulate)
    {
        using var dY = Draw([rows, outputs], stored, 7);
        using var x = Draw([rows, inputs], stored, 8);
        using var dWeight = Draw([outputs, inputs], ElementType.Single, 9);
        float[] a = Rounded(dY, precision), b = Rounded(x, precision), before = dWeight.ToArray();
        MatMul.BackwardWeight(dY, x, dWeight, accumulate, precision);
        Compare(dWeight, rows, (m, n) => Sum(rows, k => (double)a[(k * outputs) + m] * b[(k * inputs) + n]) + (accumulate ? before[(m * inputs) + n] : 0));
    }

    private Tensor Draw(Shape shape, ElementType type, int seed)
    {
        var random = new Random(seed);
        var tensor = _device.Allocate(shape, type);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
        return tensor;
    }

    private static float[] Rounded(Tensor tensor, Precision precision) => Array.ConvertAll(tensor.ToArray(), value => PrecisionTests.Rounded(value, precision));

    private static double Sum(int count, Func<int, double> term) => Enumerable.Range(0, count).Sum(term);

    private static void Compare(Tensor actual, int depth, Func<int, int, double> expected)
    {
        int columns = actual.Shape[^1];
        float[] values = actual.ToArray();
        double largest = 0;
        string where = "";
        for (int i = 0; i < values.Length; i++)
        {
            double exact = expected(i / columns, i % columns), allowed = SumRounding(depth) + (actual.Type == ElementType.BFloat16 ? StoredRounding * Math.Abs(exact) : 0);
            double error = Math.Abs(values[i] - exact) / allowed;
            if (double.IsNaN(error)) error = double.PositiveInfinity;
            if (error <= largest) continue;
            largest = error;
            where = $"row {i / columns}, column {i % columns}: {values[i]} instead of {exact}";
        }
        TestContext.Out.WriteLine($"{largest:0.000} of the tolerance at {where}");
        Assert.That(largest, Is.LessThanOrEqualTo(1), where);
    }
}
