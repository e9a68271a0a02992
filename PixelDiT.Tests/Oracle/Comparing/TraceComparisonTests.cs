using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Oracle.Comparing;
using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>That equal traces agree, that the first wrong tensor is named and its place said, and that files that do not fit are told.</summary>
public sealed class TraceComparisonTests
{
    [TestCase("c2i")]
    [TestCase("c2i_rect_post")]
    public void A_trace_agrees_with_the_golden_tensors(string name)
    {
        using var golden = ConformanceFiles.Shipped().Open($"{name}/forward_backward");
        var result = new TraceComparison(new TraceFile(golden), new TraceFile(GoldenTraces.Right(name))).Run();
        Assert.That(result.First, Is.Null);
        Assert.That(result.OnlyReference, Is.Empty);
        Assert.That(result.Tensors, Has.Count.EqualTo(golden.Tensors.Count));
        Assert.That(result.Tensors.Take(5).Select(tensor => tensor.Name), Is.EqualTo((string[])["in.x", "in.t", "in.y", "target.v", "act.t_embedder"]));
        Assert.That(result.Tensors[^1].Name, Is.EqualTo("grad_norm"));
    }

    [TestCase("t_embedder.mlp.0.bias", "act.t_embedder", null)]
    [TestCase("y_embedder.embedding_table.weight", "act.y_embedder", null)]
    [TestCase("s_embedder.proj.weight", "act.s_embedder", null)]
    [TestCase("patch_blocks.0.adaLN_modulation.0.bias", "act.patch_blocks.0", "act.patch_blocks.0.modulation")]
    [TestCase("patch_blocks.1.norm1.weight", "act.patch_blocks.1", "act.patch_blocks.1.norm1")]
    [TestCase("patch_blocks.1.attn.qkv.weight", "act.patch_blocks.1", "act.patch_blocks.1.attn.qkv")]
    [TestCase("patch_blocks.1.attn.k_norm.weight", "act.patch_blocks.1", "act.patch_blocks.1.attn.k")]
    [TestCase("patch_blocks.0.mlp.w3.weight", "act.patch_blocks.0", "act.patch_blocks.0.mlp")]
    [TestCase("pixel_embedder.proj.bias", "act.pixel_embedder", null)]
    [TestCase("pixel_blocks.0.compress_to_attn.weight", "act.pixel_blocks.0", "act.pixel_blocks.0.compact")]
    [TestCase("pixel_blocks.1.expand_from_attn.bias", "act.pixel_blocks.1", "act.pixel_blocks.1.attn")]
    [TestCase("pixel_blocks.1.mlp.fc2.weight", "act.pixel_blocks.1", "act.pixel_blocks.1.mlp")]
    [TestCase("final_layer.norm.weight", "act.final_layer", "act.final_layer.norm")]
    [TestCase("final_layer.linear.bias", "act.final_layer", null)]
    public void One_changed_weight_names_the_first_stage_that_it_changes(string parameter, string stage, string? step)
    {
        // Of the class table, a row that the golden labels ask for.
        int at = parameter.Contains("table") ? (int)new GoldenFile("c2i/forward_backward").Doubles("in.y")[0] * 32 : 0;
        var b = GoldenTraces.Run("c2i", parameters => parameters.Change(parameter, values => [.. values.Select((value, i) => i == at ? value + 0.5f : value)]));
        Assert.That(GoldenTraces.Compare(GoldenTraces.Right().Stages(), b.Stages()).First?.Tensor.Name, Is.EqualTo(stage));
        Assert.That(GoldenTraces.Compare(GoldenTraces.Right(), b).First?.Tensor.Name, Is.EqualTo(step ?? stage));
    }

    [Test]
    public void A_wrong_gradient_is_named_in_the_order_of_the_backward()
    {
        var b = GoldenTraces.Right();
        foreach (string name in (string[])["grad.act.s_embedder", "grad.act.pixel_blocks.0", "grad.param.final_layer.linear.bias", "grad.in.x"]) b = b.With(name, values => [.. values.Select(Math.Cos)]);
        var result = GoldenTraces.Compare(GoldenTraces.Right(), b);
        Assert.That(result.First?.Tensor.Name, Is.EqualTo("grad.act.pixel_blocks.0"));
        Assert.That(result.Tensors.Where(tensor => !tensor.Passes).Select(tensor => tensor.Name), Is.EqualTo((string[])
            ["grad.act.pixel_blocks.0", "grad.act.s_embedder", "grad.in.x", "grad.param.final_layer.linear.bias"]));
    }

    [TestCase("in.x", 2 * 256 + 5 * 16 + 11, new[] { 0, 2, 5, 11 }, "image 0, channel 2, token row 1, pixel row 1, token column 2, pixel column 3")]
    [TestCase("act.t_embedder", 40, new[] { 1, 8 }, "image 1, channel 8")]
    [TestCase("act.s_embedder", 512 + 6 * 32 + 3, new[] { 1, 6, 3 }, "image 1, token row 1, token column 2, channel 3")]
    [TestCase("act.patch_blocks.1.attn.q", 6 * 32 + 2 * 8 + 5, new[] { 0, 6, 2, 5 }, "image 0, token row 1, token column 2, head 2, channel 5")]
    [TestCase("act.patch_blocks.1.attn.qkv", 6 * 96 + 32 + 2 * 8 + 5, new[] { 0, 6, 1, 2, 5 }, "image 0, token row 1, token column 2, part k, head 2, channel 5")]
    [TestCase("act.patch_blocks.0.modulation", 192 + 3 * 32 + 7, new[] { 1, 103 }, "image 1, part shift2, channel 7")]
    [TestCase("act.pixel_blocks.0", (16 + 6) * 128 + 7 * 8 + 4, new[] { 22, 7, 4 }, "image 1, token row 1, token column 2, pixel row 1, pixel column 3, channel 4")]
    [TestCase("act.pixel_blocks.1.modulation", 7 * 48 + 2 * 8 + 4, new[] { 0, 7, 20 }, "image 0, token row 0, token column 0, pixel row 1, pixel column 3, part gate1, channel 4")]
    [TestCase("act.final_layer", 128 * 3 + 2, new[] { 8, 0, 2 }, "image 0, token row 2, token column 0, pixel row 0, pixel column 0, channel 2")]
    [TestCase("grad.param.patch_blocks.0.attn.proj.weight", 33, new[] { 1, 1 }, "output 1, input 1")]
    [TestCase("grad.param.y_embedder.embedding_table.weight", 65, new[] { 2, 1 }, "class 2, channel 1")]
    [TestCase("grad_norm", 0, new int[0], "")]
    public void The_place_of_a_difference_is_said(string name, int element, int[] index, string place)
    {
        var b = GoldenTraces.Right().With(name, values => [.. values.Select((value, i) => i == element ? value + 1 : value)]);
        var first = GoldenTraces.Compare(GoldenTraces.Right(), b).First!;
        Assert.That((first.Tensor.Name, first.Place), Is.EqualTo((name, place)));
        Assert.That(first.Index, Is.EqualTo(index));
        Assert.That(first.Values.Other - first.Values.Reference, Is.EqualTo(1).Within(1e-9));
        Assert.That(first.Difference!.Beyond, Is.EqualTo(1));
        Assert.That(first.Difference.Absolute, Is.EqualTo(1).Within(1e-9));
        Assert.That(first.Tensor.Rms, Is.EqualTo(1 / Math.Sqrt(GoldenTraces.Right().ReadDoubles(name).Sum(value => value * value))).Within(1e-9));
    }

    [Test]
    public void Places_are_said_also_of_the_steps_of_one_block_and_of_the_other_variant()
    {
        var a = GoldenTraces.Right("c2i_rect_post").Where(name => name == "in.x" || name.StartsWith("act.pixel_blocks.0."));
        // [B·L, P, 4d] with L = 4·6, P = 2·2, d = 4.
        const int element = ((24 + 8) * 4 + 3) * 16 + 4 * 1 + 2;
        var first = GoldenTraces.Compare(a, a.With("act.pixel_blocks.0.modulation", values => [.. values.Select((value, i) => i == element ? value + 1 : value)])).First!;
        Assert.That(first.Place, Is.EqualTo("image 1, token row 1, token column 2, pixel row 1, pixel column 1, part shift1, channel 2"));
    }

    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    public void The_first_value_that_is_not_finite_is_named(double value)
    {
        var b = GoldenTraces.Right().With("act.s_embedder", values => [.. values.Select((old, i) => i is 70 or 90 ? value : old)]);
        var first = GoldenTraces.Compare(GoldenTraces.Right(), b).First!;
        Assert.That((first.Tensor.Name, first.Tensor.Verdict, first.Difference!.NotFinite), Is.EqualTo(("act.s_embedder", Verdict.NotFinite, 2)));
        Assert.That(first.Index, Is.EqualTo((int[])[0, 2, 6]));
        Assert.That(first.Hints, Is.Empty);
    }

    /// <summary>Magnitudes are those of all elements, also of those whose partner is not finite.</summary>
    [TestCase(1e300, double.PositiveInfinity, 1e300, double.PositiveInfinity)]
    [TestCase(1e300, double.NaN, 1e300, 1)]
    [TestCase(double.NegativeInfinity, 5, double.PositiveInfinity, 5)]
    [TestCase(double.NaN, 1e300, 1, 1e300)]
    public void Magnitudes_count_elements_whose_partner_is_not_finite(double a, double b, double largestOfA, double largestOfB)
    {
        MemoryTrace Trace(double value) => GoldenTraces.Right().With("act.s_embedder", values => [.. values.Select((_, i) => i == 3 ? value : Math.Cos(i))]);
        var difference = GoldenTraces.Compare(Trace(a), Trace(b)).First!.Difference!;
        Assert.That((difference.Reference.Largest, difference.Other.Largest), Is.EqualTo((largestOfA, largestOfB)));
        Assert.That((difference.Reference.Infinite, difference.Other.Infinite), Is.EqualTo((double.IsInfinity(a) ? 1 : 0, double.IsInfinity(b) ? 1 : 0)));
        Assert.That((difference.Reference.NaN, difference.Other.NaN), Is.EqualTo((double.IsNaN(a) ? 1 : 0, double.IsNaN(b) ? 1 : 0)));
        Assert.That((difference.Absolute, difference.NotFinite), Is.EqualTo((0.0, 1)), "the finite pairs are equal");
        Assert.That(difference.Cosine, Is.EqualTo(1).Within(1e-12), "over the finite pairs");
    }

    [Test]
    public void Squares_of_huge_values_do_not_overflow()
    {
        MemoryTrace Trace(double factor) => GoldenTraces.Right().With("act.s_embedder", values => [.. values.Select((_, i) => factor * 1e300 * Math.Cos(i))]);
        var first = GoldenTraces.Compare(Trace(1), Trace(1.5)).First!;
        Assert.That(first.Tensor.Error, Is.EqualTo(0.5).Within(1e-12));
        Assert.That(first.Tensor.Rms, Is.EqualTo(0.5).Within(1e-12));
        Assert.That(first.Difference!.Cosine, Is.EqualTo(1).Within(1e-12));
    }

    [Test]
    public void Tensors_that_cannot_be_read_are_listed_and_do_not_count()
    {
        var a = GoldenTraces.Right().Unreadable("act.s_embedder", "it is quantized");
        var result = GoldenTraces.Compare(a, GoldenTraces.Right().Unreadable("act.t_embedder", "its type is F4"));
        Assert.That(result.First, Is.Null);
        Assert.That(result.Skipped, Is.EqualTo(new SkippedTensor[] { new("act.t_embedder", false, "its type is F4"), new("act.s_embedder", true, "it is quantized") }));
        Assert.That(result.Tensors, Has.Count.EqualTo(GoldenTraces.Compare(GoldenTraces.Right(), GoldenTraces.Right()).Tensors.Count - 2));
    }

    [Test]
    public void A_difference_beside_tensors_that_cannot_be_read_is_explained()
    {
        var b = GoldenTraces.Right().With("act.s_embedder", values => [.. values.Select(value => -value)]);
        b = b.Unreadable("act.t_embedder", "it is sparse");
        Assert.That(GoldenTraces.Compare(GoldenTraces.Right(), b).First!.Tensor.Name, Is.EqualTo("act.s_embedder"));
    }

    [Test]
    public void Files_of_which_no_common_tensor_can_be_read_are_refused()
    {
        var a = GoldenTraces.Right().Where(name => name == "out");
        Assert.That(() => GoldenTraces.Compare(a, a.Unreadable("out", "it is sparse")), Throws.TypeOf<FileFormatException>().With.Message.Contains("none of its tensors can be compared").And.Message.Contains("\"out\" of B: it is sparse"));
    }

    [Test]
    public void A_tensor_of_another_size_is_a_difference()
    {
        var b = GoldenTraces.Right().With("act.s_embedder", [2, 16, 31], new double[2 * 16 * 31]);
        var first = GoldenTraces.Compare(GoldenTraces.Right(), b).First!;
        Assert.That((first.Tensor.Name, first.Tensor.Verdict), Is.EqualTo(("act.s_embedder", Verdict.OtherShape)));
        Assert.That(first.Other, Is.EqualTo((int[])[2, 16, 31]));
    }

    [Test]
    public void A_tensor_that_is_only_reshaped_agrees_and_is_marked()
    {
        var b = GoldenTraces.Right().With("act.s_embedder", [32, 32], GoldenTraces.Right().ReadDoubles("act.s_embedder"));
        var result = GoldenTraces.Compare(GoldenTraces.Right(), b);
        Assert.That(result.First, Is.Null);
        Assert.That(result.Tensors.Where(tensor => tensor.Reshaped).Select(tensor => tensor.Name), Is.EqualTo((string[])["act.s_embedder"]));
    }

    [Test]
    public void Tensors_of_one_file_are_listed_and_do_not_count()
    {
        var b = GoldenTraces.Right().Where(name => name != "act.s_embedder" && name != "loss");
        var result = GoldenTraces.Compare(GoldenTraces.Right().Where(name => name != "out"), b);
        Assert.That((result.First, result.OnlyReference, result.OnlyOther), Is.EqualTo(((FirstDifference?)null, (string[])["act.s_embedder", "loss"], (string[])["out"])));
    }

    [Test]
    public void Inputs_must_be_equal()
    {
        var b = GoldenTraces.Right().With("in.x", values => [.. values.Select(value => value + 1e-9)]);
        Assert.That(GoldenTraces.Compare(GoldenTraces.Right(), b).First?.Tensor.Name, Is.EqualTo("in.x"));
    }

    [Test]
    public void A_gradient_that_is_zero_may_have_the_rounding_of_its_kind()
    {
        const string name = "grad.param.final_layer.linear.bias";
        var a = GoldenTraces.Right().With(name, values => new double[values.Length]);
        Assert.That(GoldenTraces.Compare(a, a.With(name, values => [1e-13, 0, 0])).First, Is.Null);
        Assert.That(GoldenTraces.Compare(a, a.With(name, values => [1e-6, 0, 0])).First?.Tensor.Name, Is.EqualTo(name));
    }

    [Test]
    public void Names_that_no_trace_has_come_last_in_the_order_of_the_file()
    {
        var a = GoldenTraces.Right().Renamed(name => name switch { "act.t_embedder" => "zebra", "act.y_embedder" => "apple", _ => name });
        Assert.That(GoldenTraces.Compare(a, a).Tensors.TakeLast(3).Select(tensor => tensor.Name), Is.EqualTo((string[])["grad_norm", "zebra", "apple"]));
    }

    [Test]
    public void Files_without_a_common_tensor_are_refused()
    {
        var error = Assert.Throws<FileFormatException>(() => GoldenTraces.Compare(GoldenTraces.Right(), GoldenTraces.Right().Renamed(name => $"mine.{name}")));
        Assert.That(error!.Message, Does.Contain("mine.").And.Contain("--map"));
    }

    [Test]
    public void Renamed_tensors_are_compared_by_a_map()
    {
        var map = NameMap.Parse("h.*.t* = act.patch_blocks.*.attn.*", "map");
        var a = GoldenTraces.Right().Where(name => name is "act.patch_blocks.0.attn.q" or "act.patch_blocks.1.attn.k");
        var b = a.Renamed(name => name == "act.patch_blocks.0.attn.q" ? "h.0.tq" : "h.1.tk");
        Assert.That(GoldenTraces.Compare(a, b, map: map).Tensors, Has.Count.EqualTo(2));
        var error = Assert.Throws<FileFormatException>(() => GoldenTraces.Compare(a, b, map: NameMap.Parse("# all to one\nh.* = out\n", "map")));
        Assert.That(error!.Message, Does.Contain("both become \"out\""));
    }
}
