using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Oracle.Comparing;
using PixelDiT.Reference.Oracle.Comparing.Hints;
using PixelDiT.Reference.Oracle.Conformance;
using static PixelDiT.Tests.Oracle.Comparing.HintFound;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>Each fault that ports of the text-to-image model have: the first wrong tensor is named, and the fault that made it, and no other.</summary>
public sealed class TextHintTests
{
    private static MemoryTrace Right => GoldenTraces.Right("t2i");

    private static StageModel Model => GoldenTraces.Model("t2i");

    private static void FoundInBlock(string fault, string hint, int[]? lengths = null)
        => Found(TextPortWithFaults.FirstBlock(Right, fault, lengths).Stages(), "act.patch_blocks.0.x", hint, Model, Right.Stages());

    /// <summary>Without a model, from q, k and qkv of both streams in A.</summary>
    private static void FoundInSteps(string fault, string step, string hint, int[]? lengths = null)
        => Found(TextPortWithFaults.FirstBlock(Right, fault, lengths), $"act.{step}", hint, a: Right);

    [TestCase("t2i")]
    [TestCase("t2i_options")]
    public void A_trace_agrees_with_the_golden_tensors(string name)
    {
        using var golden = ConformanceFiles.Shipped().Open($"{name}/forward_backward");
        var result = new TraceComparison(new TraceFile(golden), new TraceFile(GoldenTraces.Right(name))).Run();
        Assert.That((result.First, result.IsText), Is.EqualTo(((FirstDifference?)null, true)));
        Assert.That(result.OnlyReference, Is.Empty);
        Assert.That(result.Tensors.Take(8).Select(tensor => tensor.Name), Is.EqualTo((string[])["in.x", "in.t", "in.y", "target.v", "act.t_embedder", "act.y_embedder", "act.s_embedder", "act.patch_blocks.0.x"]));
        Assert.That(GoldenTraces.Right(name).Tensors.Select(tensor => tensor.Name).Where(name => !ExecutionOrder.Knows(name)), Is.Empty);
    }

    [Test]
    public void The_port_without_a_fault_agrees()
    {
        var result = GoldenTraces.Compare(Right, TextPortWithFaults.FirstBlock(Right, "none"), Model);
        Assert.That(result.First, Is.Null);
        Assert.That(result.Tensors.Select(tensor => tensor.Name), Is.SupersetOf((string[])["act.y_positions", "act.patch_blocks.0.attn.q_y", "act.patch_blocks.0.attn.out_x", "act.patch_blocks.0.y"]));
    }

    [TestCase("apart", "takes the result of joint attention apart as [image, text]")]
    [TestCase("joined", "joins the sequence of joint attention as [image, text]")]
    [TestCase("values", "joins the values of joint attention as [image, text]")]
    public void Joint_sequences_in_another_order(string fault, string hint)
    {
        FoundInBlock(fault, hint);
        FoundInSteps(fault, "patch_blocks.0.attn.out_y", hint);
    }

    [TestCase("text-unrotated", "leaves out the rotation of the text by RoPE", "q_y")]
    [TestCase("text-as-image", "turns the text by the image's positions", "q_y")]
    [TestCase("text-row", "turns the text as an image of one row", "q_y")]
    [TestCase("text-reversed", "turns the text by RoPE in the opposite direction", "q_y")]
    [TestCase("image-unrotated", "leaves out the rotation by RoPE, in the image's stream", "q_x")]
    [TestCase("image-as-text", "turns the image by places 0, 1, 2", "q_x")]
    public void Rotations_of_either_stream(string fault, string hint, string step)
    {
        FoundInBlock(fault, hint);
        FoundInSteps(fault, $"patch_blocks.0.attn.{step}", hint);
    }

    [Test]
    public void Rotation_left_out_of_both_streams() => FoundInBlock("unrotated", "leaves out the rotation by RoPE of both streams");

    [Test]
    public void A_text_turned_by_a_model_without_text_RoPE()
    {
        var right = GoldenTraces.Right("t2i_options");
        double[] turned = [.. right.ReadDoubles("act.patch_blocks.0.attn.q_y")];
        for (int i = 0; i < turned.Length; i += 2)
        {
            // [1, 4, 2, 12]
            double angle = i / 24 * Math.Pow(10000, -2.0 * (i % 12 / 2) / 12);
            (turned[i], turned[i + 1]) = ((turned[i] * Math.Cos(angle)) - (turned[i + 1] * Math.Sin(angle)), (turned[i] * Math.Sin(angle)) + (turned[i + 1] * Math.Cos(angle)));
        }
        foreach (var model in (StageModel?[])[null, GoldenTraces.Model("t2i_options")])
            Found(right.With("act.patch_blocks.0.attn.q_y", _ => turned), "act.patch_blocks.0.attn.q_y", model is null ? "once more than A" : "which A's model does not", model, right);
    }

    [TestCase(5, 7)]
    [TestCase(9, 3)]
    [TestCase(1, 9)]
    public void Padding_that_attention_does_not_see(int first, int second)
    {
        string hint = $"masks text tokens in attention as padding, from token {(first < 9 ? $"{first} of image 0" : "")}{(first < 9 && second < 9 ? ", " : "")}{(second < 9 ? $"{second} of image 1" : "")} on";
        FoundInBlock("none", hint, [first, second]);
        FoundInSteps("none", "patch_blocks.0.attn.out_y", hint, [first, second]);
    }

    [Test]
    public void Text_without_its_positions()
    {
        const string hint = "leaves out y_pos_embedding";
        FoundInBlock("positions", hint);
        FoundInSteps("positions", "y_positions", hint);
    }

    [Test]
    public void A_condition_without_SiLU()
    {
        const string hint = "leaves SiLU out of the condition of MM-DiT blocks";
        FoundInBlock("condition", hint);
        Found(TextPortWithFaults.FirstBlock(Right, "condition"), "act.patch_blocks.0.modulation_x", hint, Model, Right);
        Found(Right.With("act.patch_condition", _ => Right.ReadDoubles("act.t_embedder")), "act.patch_condition", hint, a: Right);
    }

    private static IEnumerable<TestCaseData> Times()
    {
        TestCaseData Case(string name, Func<double, double> time, string hint) => new TestCaseData(time, hint).SetArgDisplayNames(name);
        yield return Case("divided", t => t / 1000, "takes σ, from 0 to 1, for the time");
        yield return Case("of class models", t => 1 - (t / 1000), "takes 1 − σ, from 0 for noise to 1 for data");
        yield return Case("reversed", t => 1000 - t, "takes 1000(1 − σ) for the time");
        yield return Case("bfloat16", t => Math.Round(t / 4) * 4, "rounds the time to bfloat16");
        yield return Case("floor", Math.Floor, "rounds the time down to a whole number");
        yield return Case("nearest", Math.Round, "rounds the time to the nearest whole number");
    }

    [TestCaseSource(nameof(Times))]
    public void Another_time(Func<double, double> time, string hint)
    {
        // Above 512, where numbers of bfloat16 lie 4 apart.
        double[] times = [613.7, 902.9];
        static double[] Embedded(double[] t) => ExactLayers.TimestepEmbedder(t, name => GoldenTraces.Parameter($"t_embedder.{name}", "t2i"), 32);
        var a = Right.Stages().With("in.t", _ => times).With("act.t_embedder", _ => Embedded(times));
        double[] wrong = Array.ConvertAll(times, value => time(value));
        Found(a.With("in.t", _ => wrong), "in.t", hint, a: a);
        Found(a.With("act.t_embedder", _ => Embedded(wrong)), "act.t_embedder", hint, Model, a);
    }

    [Test]
    public void Times_of_class_models_that_run_otherwise()
    {
        var right = GoldenTraces.Right();
        Found(right.With("in.t", t => [.. t.Select(value => 1 - value)]), "in.t", "takes 1 − t for the time");
        foreach (var (time, hint) in ((Func<double, double>, string)[])[(t => 1 - t, "takes 1 − t"), (t => 1000 * t, "takes 1000t")])
        {
            double[] embedded = ExactLayers.TimestepEmbedder(Array.ConvertAll(right.ReadDoubles("in.t"), value => time(value)), name => GoldenTraces.Parameter($"t_embedder.{name}"), 32);
            Found(right.With("act.t_embedder", _ => embedded), "act.t_embedder", hint, GoldenTraces.Model());
        }
    }

    [TestCase("out")]
    [TestCase("target.v")]
    [TestCase("act.final_layer")]
    public void The_velocity_with_the_sign_of_class_models(string tensor)
    {
        Found(Right.With(tensor, v => [.. v.Select(value => -value)]), tensor, "x − ε, the velocity from noise to data of class models, where a text-to-image model's is ε − x", a: Right);
        Found(GoldenTraces.Right().With(tensor, v => [.. v.Select(value => -value)]), tensor, "ε − x, the velocity from data to noise of text-to-image models");
    }

    [Test]
    public void One_modulation_for_all_pixels_of_a_patch()
    {
        const string hint = "gives all pixels of a patch the same modulation";
        var b = GoldenTraces.OneModulation("t2i");
        Found(b, "act.pixel_blocks.0.modulation", hint, a: Right);
        Found(b.Stages(), "act.pixel_blocks.0", hint, Model, Right.Stages());
    }

    [Test]
    public void A_pixel_level_without_time_or_positions()
    {
        var right = Right;
        const string hint = "leaves t_emb out of the condition of pixel blocks";
        double[] s = Exact.Silu(right.ReadDoubles("act.patch_blocks.1.x")), positions = Exact.PixelPositions(8, 16, 12, 4);
        Found(right.With("act.pixel_condition", _ => s), "act.pixel_condition", hint, a: right);
        double[] block = ExactLayers.PixelBlock(right.ReadDoubles("act.pixel_embedder"), s, name => GoldenTraces.Parameter($"pixel_blocks.0.{name}", "t2i"), Exact.RopeTable(8, 4, 3), GoldenTraces.Config("t2i"));
        Found(right.Stages().With("act.pixel_blocks.0", _ => block), "act.pixel_blocks.0", hint, Model, right.Stages());
        Found(right.With("act.pixel_embedder", u => [.. u.Select((value, i) => value - positions[i % positions.Length])]), "act.pixel_embedder", "leaves out the position embedding of pixels", a: right);
    }

    [Test]
    public void Factors_axes_and_rounding()
    {
        var right = Right;
        Found(GoldenTraces.Run("t2i", parameters => parameters.Change("patch_blocks.0.attn.q_norm_x.weight", weight => [.. weight.Select(w => (float)(Math.Sqrt(8) * w))])), "act.patch_blocks.0.attn.q_x", "the root of hd", a: right);
        Found(right.With("act.patch_blocks.0.attn.q_y", q => GoldenTraces.Permuted(q, [2, 9, 4, 8], [0, 2, 1, 3])), "act.patch_blocks.0.attn.q_y", "has A's values with text token and head exchanged", a: right);
        Found(right.With("act.y_embedder", values => GoldenTraces.Rounded(values, DataType.BF16)), "act.y_embedder", "is A rounded to bfloat16", a: right);
    }

    [Test]
    public void Patches_in_another_order()
    {
        var b = GoldenTraces.Run("t2i", parameters => parameters.Change("s_embedder.proj.weight", weight =>
        {
            float[] changed = new float[weight.Length];
            for (int i = 0; i < weight.Length; i++) changed[(i / 48 * 48) + (i % 3 * 16) + (i % 48 / 3)] = weight[i];
            return changed;
        }));
        Found(b, "act.s_embedder", "flattens patches in the order (pixel row, pixel column, channel)", Model, Right);
    }

    [TestCase("act.t_embedder")]
    [TestCase("act.y_embedder")]
    [TestCase("act.y_positions")]
    [TestCase("act.patch_blocks.0.modulation_x")]
    [TestCase("act.patch_blocks.0.norm_y1")]
    [TestCase("act.patch_blocks.0.attn.k_y")]
    [TestCase("act.patch_blocks.0.attn.out_y")]
    [TestCase("act.patch_blocks.0.attn.out_x")]
    [TestCase("act.patch_blocks.0.x")]
    [TestCase("act.patch_blocks.1.y")]
    [TestCase("act.pixel_blocks.0")]
    [TestCase("out")]
    public void What_has_no_known_shape_gets_no_hint(string tensor)
    {
        foreach (var model in (StageModel?[])[null, Model])
        {
            var first = GoldenTraces.Compare(Right, Right.With(tensor, values => [.. values.Select((value, i) => value + Math.Sin(i * i))]), model).First!;
            Assert.That(first.Tensor.Name, Is.EqualTo(tensor));
            Assert.That(first.Hints, Is.Empty);
        }
    }

    [TestCase("act.y_embedder")]
    [TestCase("act.patch_blocks.0.attn.q_y")]
    [TestCase("act.patch_blocks.0.attn.out_x")]
    [TestCase("act.patch_blocks.0.modulation_y")]
    [TestCase("act.patch_blocks.0.y")]
    [TestCase("in.y")]
    [TestCase("in.t")]
    public void Shapes_that_no_trace_has_are_compared_without_a_hint(string name)
    {
        foreach (long[] shape in (long[][])[[7], [1, 1, 1], [5, 3, 2, 2], [2, 9, 1, 1]])
        {
            double[] values = [.. Enumerable.Range(1, (int)shape.Aggregate(1L, (product, size) => product * size)).Select(i => Math.Sqrt(i))];
            var first = GoldenTraces.Compare(Right.With(name, shape, values), Right.With(name, shape, [.. values.Select((value, i) => value + Math.Sin(i + 1))]), Model).First!;
            Assert.That((first.Tensor.Name, first.Tensor.Verdict), Is.EqualTo((name, Verdict.Differs)));
            Assert.That(first.Hints.Where(hint => !hint.Contains("are they the weights")), Is.Empty);
        }
    }

    [Test]
    public void A_model_of_the_other_kind_is_not_believed()
    {
        const string hint = "are they the weights of A?";
        Found(Right.Stages().With("act.patch_blocks.0.x", values => [.. values.Select(Math.Sin)]), "act.patch_blocks.0.x", hint, GoldenTraces.Model(), Right.Stages());
        Found(GoldenTraces.Right().Stages().With("act.patch_blocks.0", values => [.. values.Select(Math.Sin)]), "act.patch_blocks.0", hint, Model, GoldenTraces.Right().Stages());
    }

    [TestCase("in.y", (9 + 4) * 20 + 7, new[] { 1, 4, 7 }, "image 1, text token 4, channel 7")]
    [TestCase("act.y_positions", (9 + 4) * 32 + 7, new[] { 1, 4, 7 }, "image 1, text token 4, channel 7")]
    [TestCase("act.patch_blocks.0.x", (12 + 7) * 32 + 5, new[] { 1, 7, 5 }, "image 1, token row 2, token column 1, channel 5")]
    [TestCase("act.patch_blocks.0.y", 3 * 32 + 5, new[] { 0, 3, 5 }, "image 0, text token 3, channel 5")]
    [TestCase("act.patch_blocks.0.attn.qkv_y", 3 * 96 + 32 + 2 * 8 + 5, new[] { 0, 3, 1, 2, 5 }, "image 0, text token 3, part k, head 2, channel 5")]
    [TestCase("act.patch_blocks.0.attn.out_x", 7 * 32 + 2 * 8 + 5, new[] { 0, 7, 2, 5 }, "image 0, token row 2, token column 1, head 2, channel 5")]
    [TestCase("act.patch_blocks.1.modulation_y", 192 + 3 * 32 + 7, new[] { 1, 103 }, "image 1, part shift2, channel 7")]
    [TestCase("grad.param.y_pos_embedding", 3 * 32 + 5, new[] { 0, 3, 5 }, "text token 3, channel 5")]
    [TestCase("grad.in.y", (9 + 4) * 20 + 7, new[] { 1, 4, 7 }, "image 1, text token 4, channel 7")]
    public void The_place_of_a_difference_is_said(string name, int element, int[] index, string place)
    {
        var first = GoldenTraces.Compare(Right, Right.With(name, values => [.. values.Select((value, i) => i == element ? value + 1 : value)])).First!;
        Assert.That((first.Tensor.Name, first.Place), Is.EqualTo((name, place)));
        Assert.That(first.Index, Is.EqualTo(index));
    }

    [Test]
    public void States_under_the_name_of_text_are_the_same_input()
    {
        var b = Right.Renamed(name => name.Replace("in.y", "in.text"));
        var result = GoldenTraces.Compare(Right, b);
        Assert.That((result.First, result.OnlyReference.Count, result.OnlyOther.Count), Is.EqualTo(((FirstDifference?)null, 0, 0)));
        Assert.That(result.Tensors.Select(tensor => tensor.Name), Does.Contain("in.y").And.Contain("grad.in.y"));
    }
}
