using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Operations.Heads;

/// <summary>
/// The tiled attention of a GPU, entered by ILGPU's CPU accelerator in groups of 256 with every instruction emulated, against the equations in double precision.
/// Operands are rounded first, so what remains is the rounding of weights and slopes, of float32 sums and of the storage.
/// </summary>
internal sealed class TiledAttentionTests
{
    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = TestedDevices.OpenTiles();

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    /// <summary>
    /// How far a result may be off, of the largest sum of its terms without their signs. Weights are rounded before they meet values, slopes before they meet
    /// queries and keys: half a unit of the last place. Results stored in bfloat16 are rounded once more, and δ is taken from such. Strict float32 rounds sums of
    /// tens of terms, and exponentials within 2e-7.
    /// </summary>
    private static double Tolerance(Precision precision) => precision switch
    {
        Precision.BFloat16 => 2.0 / 512,
        Precision.TensorFloat32 => 1.0 / 2048,
        _ => 1e-6
    };

    // A group has 128 queries, a block 64 or 32 keys, a step 32: each case ends within another of them. Heads of 20 are no multiple of 16 bytes in bfloat16, nor are those of 36.
    [TestCase(Precision.BFloat16, 1, 5, 2, 16, TestName = "Tiled_attention_bf16_5_of_16")]
    [TestCase(Precision.BFloat16, 1, 33, 1, 20, TestName = "Tiled_attention_bf16_33_of_20_unaligned")]
    [TestCase(Precision.BFloat16, 1, 33, 1, 36, TestName = "Tiled_attention_bf16_33_of_36_unaligned")]
    [TestCase(Precision.BFloat16, 1, 35, 1, 68, TestName = "Tiled_attention_bf16_35_of_68_unaligned")]
    [TestCase(Precision.BFloat16, 2, 17, 2, 64, TestName = "Tiled_attention_bf16_17_of_64")]
    [TestCase(Precision.BFloat16, 1, 67, 1, 64, TestName = "Tiled_attention_bf16_67_of_64")]
    [TestCase(Precision.BFloat16, 1, 131, 1, 72, TestName = "Tiled_attention_bf16_131_of_72")]
    [TestCase(Precision.TensorFloat32, 1, 7, 2, 16, TestName = "Tiled_attention_tf32_7_of_16")]
    [TestCase(Precision.TensorFloat32, 1, 33, 1, 64, TestName = "Tiled_attention_tf32_33_of_64")]
    [TestCase(Precision.TensorFloat32, 1, 35, 1, 72, TestName = "Tiled_attention_tf32_35_of_72")]
    [TestCase(Precision.Single, 2, 5, 2, 4, TestName = "Tiled_attention_fp32_5_of_4")]
    [TestCase(Precision.Single, 1, 65, 1, 36, TestName = "Tiled_attention_fp32_65_of_36")]
    [TestCase(Precision.Single, 1, 35, 1, 72, TestName = "Tiled_attention_fp32_35_of_72")]
    public void Agrees_with_the_equations(Precision precision, int batch, int tokens, int heads, int width)
    {
        var stored = precision == Precision.BFloat16 ? ElementType.BFloat16 : ElementType.Single;
        var sizes = new AttentionSizes(batch, tokens, heads, width);
        Shape rows = [batch, tokens, heads, width];
        using Tensor q = Draw(rows, stored, 1, 3), k = Draw(rows, stored, 2, 3), qkv = Draw([batch, tokens, 3, heads, width], stored, 3, 1), dO = Draw(rows, stored, 4, 1);
        using Tensor o = _device.Allocate(rows, stored), dQ = _device.Allocate(rows, stored), dK = _device.Allocate(rows, stored), dQkv = Draw(qkv.Shape, stored, 5, 1);
        using var lse = _device.Allocate([batch, heads, tokens]);
        float[] untouched = dQkv.ToArray();
        Assert.That(TiledAttention.Serves(q, sizes, precision));

        Attention.Forward(HeadView.Of(q), HeadView.Of(k), HeadView.PartOf(qkv, 2), sizes, HeadView.Of(o), lse, precision);
        Attention.Backward(
            HeadView.Of(dO), HeadView.Of(q), HeadView.Of(k), HeadView.PartOf(qkv, 2), HeadView.Of(o), lse, sizes, HeadView.Of(dQ), HeadView.Of(dK), HeadView.PartOf(dQkv, 2), precision);

        int part = heads * width;
        var exact = new AttentionEquations(Rounded(q, precision), Rounded(k, precision), Values(Rounded(qkv, precision), part), Rounded(dO, precision), tokens, heads, width);
        Check("lse", lse.ToArray(), exact.Lse, exact.Lse.Max(Math.Abs), 5e-7);
        Check("o", o.ToArray(), exact.O.Values, exact.O.Magnitudes.Max(), Tolerance(precision));
        Check("dq", dQ.ToArray(), exact.DQ.Values, exact.DQ.Magnitudes.Max(), Tolerance(precision));
        Check("dk", dK.ToArray(), exact.DK.Values, exact.DK.Magnitudes.Max(), Tolerance(precision));
        float[] written = dQkv.ToArray();
        Check("dv", Values(written, part), exact.DV.Values, exact.DV.Magnitudes.Max(), Tolerance(precision));
        Assert.That(written.Where((_, i) => i / part % 3 != 2), Is.EqualTo(untouched.Where((_, i) => i / part % 3 != 2)), "the gradients of queries and keys lie elsewhere");
    }

    // The border between the two lies within a block of keys and a group of queries, and on the edge of both; heads of 20 are copied without vectors.
    [TestCase(Precision.BFloat16, 2, 33, 9, 2, 16)]
    [TestCase(Precision.BFloat16, 1, 131, 128, 1, 72)]
    [TestCase(Precision.BFloat16, 1, 40, 32, 1, 20)]
    [TestCase(Precision.TensorFloat32, 1, 35, 7, 1, 64)]
    [TestCase(Precision.Single, 2, 35, 32, 2, 36)]
    public void A_joint_sequence_in_two_tensors_gives_the_bits_of_one(Precision precision, int batch, int tokens, int split, int heads, int width)
    {
        var stored = precision == Precision.BFloat16 ? ElementType.BFloat16 : ElementType.Single;
        var sizes = new AttentionSizes(batch, tokens, heads, width);
        Shape rows = [batch, tokens, heads, width];
        using Tensor q = Draw(rows, stored, 1, 3), k = Draw(rows, stored, 2, 3), v = Draw(rows, stored, 3, 1), dO = Draw(rows, stored, 4, 1);
        using Tensor o = _device.Allocate(rows, stored), dQ = _device.Allocate(rows, stored), dK = _device.Allocate(rows, stored), dV = _device.Allocate(rows, stored);
        using Tensor lse = _device.Allocate([batch, heads, tokens]), lseToo = _device.Allocate([batch, heads, tokens]);
        Attention.Forward(HeadView.Of(q), HeadView.Of(k), HeadView.Of(v), sizes, HeadView.Of(o), lse, precision);
        Attention.Backward(HeadView.Of(dO), HeadView.Of(q), HeadView.Of(k), HeadView.Of(v), HeadView.Of(o), lse, sizes, HeadView.Of(dQ), HeadView.Of(dK), HeadView.Of(dV), precision);

        var parts = new List<Tensor>();
        HeadView Joint(Tensor? whole)
        {
            Tensor first = Part(whole, 0, split), second = Part(whole, split, tokens);
            parts.AddRange([first, second]);
            return HeadView.Of(first).Then(split, HeadView.Of(second));
        }
        Tensor Part(Tensor? whole, int from, int to)
        {
            float[]? values = whole?.ToArray();
            int row = heads * width;
            return Fill([batch, to - from, heads, width], stored, i => values is null ? float.NaN : values[(((i / ((to - from) * row) * tokens) + from) * row) + (i % ((to - from) * row))]);
        }
        HeadView jq = Joint(q), jk = Joint(k), jv = Joint(v), jdO = Joint(dO), jo = Joint(null), jdQ = Joint(null), jdK = Joint(null), jdV = Joint(null);
        Attention.Forward(jq, jk, jv, sizes, jo, lseToo, precision);
        Attention.Backward(jdO, jq, jk, jv, jo, lseToo, sizes, jdQ, jdK, jdV, precision);

        Assert.That(lseToo.ToArray(), Is.EqualTo(lse.ToArray()));
        foreach (var (name, one, two) in new[] { ("o", o, jo), ("dq", dQ, jdQ), ("dk", dK, jdK), ("dv", dV, jdV) })
        {
            using Tensor first = Part(one, 0, split), second = Part(one, split, tokens);
            Assert.That(two.Values.ToArray(), Is.EqualTo(first.ToArray()), name);
            Assert.That(two.Second!.Values.ToArray(), Is.EqualTo(second.ToArray()), name);
        }
        foreach (var part in parts) part.Dispose();
    }

    [Test]
    public void Scores_far_apart_neither_overflow_nor_vanish([Values] Precision precision)
    {
        const int tokens = 35, width = 16;
        var stored = precision == Precision.BFloat16 ? ElementType.BFloat16 : ElementType.Single;
        Shape rows = [1, tokens, 1, width];
        // Scores up to some 300, and the largest comes late.
        using Tensor q = Fill(rows, stored, _ => 6), k = Fill(rows, stored, i => i / width == tokens - 1 ? 12 : -12), v = Fill(rows, stored, i => i / width), o = _device.Allocate(rows, stored);
        using var lse = _device.Allocate([1, 1, tokens]);
        Attention.Forward(HeadView.Of(q), HeadView.Of(k), HeadView.Of(v), new(1, tokens, 1, width), HeadView.Of(o), lse, precision);
        Assert.That(o.ToArray(), Has.All.EqualTo(tokens - 1));
        Assert.That(lse.ToArray(), Has.All.EqualTo(6 * 12 * width / 4));
    }

    [Test]
    public void A_number_that_is_none_shows_in_every_result([Values] Precision precision)
    {
        const int tokens = 9, width = 16;
        var stored = precision == Precision.BFloat16 ? ElementType.BFloat16 : ElementType.Single;
        Shape rows = [1, tokens, 1, width];
        using Tensor q = Draw(rows, stored, 1, 1), k = Fill(rows, stored, i => i == (3 * width) + 2 ? float.NaN : 0.5f), v = Draw(rows, stored, 3, 1), o = _device.Allocate(rows, stored);
        using var lse = _device.Allocate([1, 1, tokens]);
        Attention.Forward(HeadView.Of(q), HeadView.Of(k), HeadView.Of(v), new(1, tokens, 1, width), HeadView.Of(o), lse, precision);
        Assert.That(o.ToArray(), Has.All.NaN);
        Assert.That(lse.ToArray(), Has.All.NaN);
    }

    [Test]
    public void A_view_that_ends_too_early_is_refused()
    {
        var sizes = new AttentionSizes(1, 9, 2, 16);
        using Tensor whole = Draw([1, 9, 2, 16], ElementType.Single, 1, 1), small = Draw([1, 8, 2, 16], ElementType.Single, 2, 1), lse = _device.Allocate([1, 2, 9]);
        HeadView fits = HeadView.Of(whole), ends = HeadView.Of(small);
        Assert.That(() => Attention.Forward(fits, ends, fits, sizes, fits, lse), Throws.TypeOf<ShapeException>().With.Message.Contains("keys"));
        Assert.That(() => Attention.Backward(fits, fits, fits, fits, fits, lse, sizes, fits, fits, ends), Throws.TypeOf<ShapeException>().With.Message.Contains("dv"));
        Assert.That(() => Attention.Backward(fits, fits, fits, fits, fits, lse, sizes, fits with { Offset = -1 }, fits, fits), Throws.TypeOf<ShapeException>().With.Message.Contains("dq"));
    }

    private Tensor Draw(Shape shape, ElementType type, int seed, float size)
    {
        var random = new Random(seed);
        return Fill(shape, type, _ => size * ((2 * random.NextSingle()) - 1));
    }

    private Tensor Fill(Shape shape, ElementType type, Func<int, float> value)
    {
        var tensor = _device.Allocate(shape, type);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(value)]);
        return tensor;
    }

    private static double[] Rounded(Tensor tensor, Precision precision) => Array.ConvertAll(tensor.ToArray(), value => (double)PrecisionTests.Rounded(value, precision));

    private static T[] Values<T>(T[] qkv, int part) => [.. qkv.Where((_, i) => i / part % 3 == 2)];

    private static void Check(string name, float[] actual, double[] expected, double magnitude, double tolerance)
    {
        double error = actual.Zip(expected, (a, e) => Math.Abs(a - e)).Max() / magnitude;
        TestContext.Out.WriteLine($"{name}: {error:g3}, {error / tolerance:0.00} of the tolerance");
        Assert.That(error, Is.LessThanOrEqualTo(tolerance), name);
    }
}
