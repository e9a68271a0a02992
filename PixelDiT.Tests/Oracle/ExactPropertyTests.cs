using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle;

/// <summary>What must hold for every input: inverses, invariances, and an error for each shape that does not fit.</summary>
internal sealed class ExactPropertyTests
{
    private static readonly Gen<double> s_value = Gen.Double[-3, 3];

    [Test]
    public void Linear_equals_its_definition() =>
        Gen.Select(Gen.Int[1, 35], Gen.Int[1, 9], Gen.Int[1, 11]).SelectMany((rows, inputs, outputs) => Gen.Select(
            s_value.Array[rows * inputs], s_value.Array[outputs * inputs], s_value.Array[outputs])
            .Select((x, weight, bias) => (x, weight, bias, rows, inputs, outputs))).Sample(given =>
        {
            double[] y = Exact.Linear(given.x, given.weight, given.bias, given.inputs, given.outputs);
            for (int r = 0; r < given.rows; r++)
            {
                for (int o = 0; o < given.outputs; o++)
                {
                    double sum = 0;
                    for (int i = 0; i < given.inputs; i++) sum += given.x[r * given.inputs + i] * given.weight[o * given.inputs + i];
                    Assert.That(y[r * given.outputs + o], Is.EqualTo(sum + given.bias[o]).Within(1e-12));
                }
            }
        }, iter: 50);

    [Test]
    public void Pixel_rows_and_images_are_inverse() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[1, 3]).Sample((channels, rows, columns, patch) =>
        {
            int height = rows * patch, width = columns * patch;
            double[] image = [.. Enumerable.Range(0, 2 * channels * height * width).Select(i => (double)i)];
            double[] regrouped = Exact.PixelRows(image, channels, height, width, patch);
            Assert.That(Exact.PixelImage(regrouped, channels, height, width, patch), Is.EqualTo(image));
        }, iter: 50);

    [Test]
    public void Rotation_keeps_the_norm_of_a_head() =>
        s_value.Array[2 * 6 * 3 * 2 * 4].Sample(qkv =>
        {
            double[] q = Exact.NormRotate(qkv, 0, [1, 1, 1, 1], Exact.RopeTable(4, 2, 3), tokens: 6, heads: 2, headWidth: 4);
            double[] normed = Exact.RmsNorm(Exact.Part(qkv, 0, 8), [1, 1, 1, 1]);
            for (int at = 0; at < q.Length; at += 4)
                Assert.That(Exact.GradientNorm([q[at..(at + 4)]]), Is.EqualTo(Exact.GradientNorm([normed[at..(at + 4)]])).Within(1e-12));
        }, iter: 50);

    [Test]
    public void Attention_to_equal_keys_is_the_mean_of_the_values() =>
        Gen.Select(s_value.Array[5 * 4], s_value.Array[5 * 4]).Sample((q, v) =>
        {
            double[] k = Enumerable.Repeat(0.7, q.Length).ToArray();
            double[] y = Exact.Attention(q, k, v, tokens: 5, heads: 1, headWidth: 4);
            for (int i = 0; i < y.Length; i++)
                Assert.That(y[i], Is.EqualTo(Enumerable.Range(0, 5).Average(token => v[token * 4 + i % 4])).Within(1e-12));
        }, iter: 50);

    [Test]
    public void Attention_does_not_overflow()
    {
        double[] y = Exact.Attention([1e6, -1e6], [1e6, -1e6], [3, 4], tokens: 2, heads: 1, headWidth: 1);
        Assert.That(y, Is.EqualTo(new double[] { 3, 4 }));
    }

    [Test]
    public void Modulation_is_shared_by_the_rows_it_is_given_for()
    {
        double[] x = [1, 2, 3, 4, 5, 6, 7, 8];                  // two images of two rows of two
        double[] modulation = [10, 20, 1, 2, 30, 40, 3, 4];     // shift and scale of each image
        Assert.That(Exact.Modulate(x, modulation, 0, 1, 2, 2, 2), Is.EqualTo(new double[] { 12, 26, 16, 32, 50, 70, 58, 80 }));
        Assert.That(Exact.Gate(x, x, modulation, 1, 2, 2, 2), Is.EqualTo(new double[] { 2, 6, 6, 12, 20, 30, 28, 40 }));
        Assert.That(Exact.AddModulated(x, x, modulation, 0, 1, 2, 2, 2), Is.EqualTo(new double[] { 13, 28, 19, 36, 55, 76, 65, 88 }));
        Assert.That(Exact.AddSilu([1, 2, 3, 4], [-1, -2], rowsPerImage: 2, width: 2), Is.EqualTo(Exact.Silu([0, 0, 2, 2])));
    }

    [Test]
    public void Silu_gate_multiplies_the_value() =>
        Gen.Select(s_value, s_value).Sample((gate, value) =>
            Assert.That(Exact.SwiGlu([gate], [value])[0], Is.EqualTo(gate / (1 + Math.Exp(-gate)) * value).Within(1e-15)), iter: 50);

    private static readonly TestCaseData[] s_misfits =
    [
        Misfit("linear_x", "x has 5", () => Exact.Linear(new double[5], new double[4], null, 2, 2)),
        Misfit("linear_weight", "weight has 5", () => Exact.Linear(new double[4], new double[5], null, 2, 2)),
        Misfit("linear_bias", "bias has 3", () => Exact.Linear(new double[4], new double[4], new double[3], 2, 2)),
        Misfit("norm", "x has 5", () => Exact.RmsNorm(new double[5], new double[2])),
        Misfit("modulation", "modulation has 7", () => Exact.Modulate(new double[4], new double[7], 0, 1, 2, 2, 1)),
        Misfit("chunk", "chunk 2", () => Exact.Gate(new double[4], new double[4], new double[8], 2, 2, 2, 1)),
        Misfit("update", "update has 3", () => Exact.AddModulated(new double[4], new double[3], new double[8], 0, 1, 2, 2, 1)),
        Misfit("swiglu", "value has 3", () => Exact.SwiGlu(new double[4], new double[3])),
        Misfit("add_silu", "perImage has 3", () => Exact.AddSilu(new double[4], new double[3], 1, 2)),
        Misfit("rope_width", "width of a head is 6", () => Exact.RopeTable(6, 2, 2)),
        Misfit("rope_grid", "0x2", () => Exact.RopeTable(8, 0, 2)),
        Misfit("part", "part 3", () => Exact.Part(new double[12], 3, 4)),
        Misfit("rope_table", "ropeTable has 4", () => Exact.NormRotate(new double[24], 0, new double[4], new double[4], 2, 1, 4)),
        Misfit("keys", "k has 4", () => Exact.Attention(new double[8], new double[4], new double[8], 2, 1, 4)),
        Misfit("row", "row 3", () => Exact.Embedding(new double[6], [3], 2)),
        Misfit("patch", "4x5", () => Exact.Patchify(new double[20], 1, 4, 5, 2)),
        Misfit("pixel_width", "width of a pixel is 6", () => Exact.PixelPositions(6, 4, 4, 2)),
        Misfit("noise", "noise has 3", () => Exact.Interpolate(new double[4], new double[3], new double[2])),
        Misfit("targets", "b has 3", () => [Exact.MeanSquaredError(new double[4], new double[3])]),
        Misfit("moments", "second has 3", () => Exact.AdamW(new double[4], new double[4], new double[4], new double[3], 1, 1e-3).Parameter)
    ];

    [TestCaseSource(nameof(s_misfits))]
    public void A_shape_that_does_not_fit_is_named(Func<double[]> call, string message) =>
        Assert.That(() => call(), Throws.TypeOf<ShapeException>().With.Message.Contains(message));

    private static TestCaseData Misfit(string name, string message, Func<double[]> call) =>
        new TestCaseData(call, message).SetArgDisplayNames(name);
}
