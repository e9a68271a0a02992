using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Oracle.Comparing;
using PixelDiT.Reference.Oracle.Comparing.Hints;
using static PixelDiT.Tests.Oracle.Comparing.HintFound;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>Faults that any tensor can have, planted in a real trace: axes in another order, factors, rounding. And that what has no known shape gets no hint.</summary>
public sealed class ValueHintTests
{
    // [B, L, h, hd] = [2, 16, 4, 8]; [B, C, gh·p, gw·p] = [2, 3, 4·4, 4·4].
    [TestCase("act.patch_blocks.0.attn.out", new[] { 2, 16, 4, 8 }, new[] { 0, 2, 1, 3 }, "has A's values in the order (image, head, token row, token column, channel)")]
    [TestCase("act.patch_blocks.0.attn.qkv", new[] { 32, 3, 4, 8 }, new[] { 0, 2, 1, 3 }, "has A's values with part and head exchanged")]
    [TestCase("act.s_embedder", new[] { 2, 4, 4, 32 }, new[] { 0, 2, 1, 3 }, "has A's values with token row and token column exchanged")]
    [TestCase("act.t_embedder", new[] { 2, 32 }, new[] { 1, 0 }, "has A's values with image and channel exchanged")]
    [TestCase("out", new[] { 2, 3, 4, 4, 4, 4 }, new[] { 0, 1, 3, 2, 4, 5 }, "has A's values with token row and pixel row exchanged")]
    [TestCase("in.x", new[] { 2, 3, 16, 16 }, new[] { 0, 2, 3, 1 }, "has A's values in the order (image, token row, pixel row, token column, pixel column, channel)")]
    [TestCase("grad.param.s_embedder.proj.weight", new[] { 32, 3, 16 }, new[] { 0, 2, 1 }, "has A's values in the order (output, pixel row, pixel column, channel)")]
    public void Values_in_another_order_of_the_axes(string tensor, int[] sizes, int[] order, string hint)
        => Found(GoldenTraces.Right().With(tensor, values => GoldenTraces.Permuted(values, sizes, order)), tensor, hint);

    [Test]
    public void A_transposed_shape_is_compared_and_recognised()
    {
        var b = GoldenTraces.Right().With("act.t_embedder", [32, 2], GoldenTraces.Permuted(GoldenTraces.Right().ReadDoubles("act.t_embedder"), [2, 32], [1, 0]));
        Found(b, "act.t_embedder", "image and channel exchanged");
    }

    [TestCase(2.8284271247461903, "the root of hd")]
    [TestCase(-1, "the opposite sign")]
    [TestCase(0.5, "one half")]
    [TestCase(1.37, "is A times 1.37")]
    public void Queries_times_a_constant(double factor, string hint)
    {
        var b = GoldenTraces.Run("c2i", parameters => parameters.Change("patch_blocks.0.attn.q_norm.weight", weight => [.. weight.Select(w => (float)(factor * w))]));
        Found(b, "act.patch_blocks.0.attn.q", hint);
    }

    [Test]
    public void Time_that_runs_to_1000() => Found(GoldenTraces.Right().With("in.t", t => [.. t.Select(value => 1000 * value)]), "in.t", "takes 1000t for the time");

    [Test]
    public void A_loss_that_is_a_sum() => Found(GoldenTraces.Right().With("loss", loss => [loss[0] * 2 * 3 * 16 * 16]), "loss", "a sum in place of a mean");

    [Test]
    public void A_bias_that_is_too_large_by_a_constant()
        => Found(GoldenTraces.Run("c2i", parameters => parameters.Change("s_embedder.proj.bias", bias => [.. bias.Select(b => b + 0.25f)])), "act.s_embedder", "is A plus 0.25");

    [TestCase(DataType.BF16, "is A rounded to bfloat16")]
    [TestCase(DataType.F16, "is A rounded to float16 or TF32")]
    public void Stored_in_half_precision(DataType type, string hint)
        => Found(GoldenTraces.Right().With("act.t_embedder", values => GoldenTraces.Rounded(values, type)), "act.t_embedder", hint);

    [TestCase(DataType.BF16, "as if computed with operands in bfloat16")]
    [TestCase(DataType.F16, "as if computed with operands in float16 or TF32")]
    public void Computed_with_weights_in_half_precision(DataType type, string hint)
    {
        var b = GoldenTraces.Run("c2i", parameters => parameters.Change(
            "s_embedder.proj.weight", weight => Array.ConvertAll(GoldenTraces.Rounded(Array.ConvertAll(weight, w => (double)w), type), w => (float)w)));
        Found(b, "act.s_embedder", hint);
    }

    [Test]
    public void Faults_without_a_known_shape_get_no_hint()
    {
        var b = GoldenTraces.Run("c2i", parameters => parameters.Change("patch_blocks.0.mlp.w1.weight", weight => [.. weight.Select((w, i) => i % 3 == 0 ? 0 : w)]));
        var first = GoldenTraces.Compare(GoldenTraces.Right(), b, GoldenTraces.Model()).First;
        Assert.That(first!.Tensor.Name, Is.EqualTo("act.patch_blocks.0.mlp"));
        Assert.That(first.Hints, Is.Empty);
    }

    [Test]
    public void A_model_that_is_not_the_references_is_not_believed()
    {
        var wrong = new StageModel(GoldenTraces.Config(), name => [.. GoldenTraces.Parameter(name).Select(value => 1.1 * value)]);
        Found(GoldenTraces.Right().With("act.s_embedder", values => [.. values.Select(Math.Sin)]), "act.s_embedder", "are they the weights of A?", wrong);
    }

    [TestCase("act.s_embedder")]
    [TestCase("act.patch_blocks.1")]
    public void A_model_of_other_sizes_is_not_believed(string tensor)
        => Found(GoldenTraces.Right().Stages().With(tensor, values => [.. values.Select(Math.Sin)]), tensor, "are they the weights of A?", GoldenTraces.Model("c2i_rect_post"), GoldenTraces.Right().Stages());

    [TestCase("act.pixel_blocks.0.modulation")]
    [TestCase("act.pixel_blocks.0.modulated1")]
    [TestCase("act.patch_blocks.0.attn.q")]
    [TestCase("act.pixel_condition")]
    [TestCase("act.pixel_embedder")]
    [TestCase("act.t_embedder")]
    [TestCase("out")]
    public void Shapes_that_no_trace_has_are_compared_without_a_hint(string name)
    {
        var a = GoldenTraces.Right();
        foreach (long[] shape in (long[][])[[], [7], [1, 1, 1], [5, 3, 2, 2]])
        {
            double[] values = [.. Enumerable.Range(1, (int)shape.Aggregate(1L, (product, size) => product * size)).Select(i => Math.Sqrt(i))];
            var first = GoldenTraces.Compare(a.With(name, shape, values), a.With(name, shape, [.. values.Select((value, i) => value + Math.Sin(i + 1))]), GoldenTraces.Model()).First!;
            Assert.That((first.Tensor.Name, first.Tensor.Verdict), Is.EqualTo((name, Verdict.Differs)));
            Assert.That(first.Hints.Where(hint => !hint.Contains("are they the weights")), Is.Empty);
        }
    }
}
