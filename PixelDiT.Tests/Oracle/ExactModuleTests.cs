using System.Globalization;
using NUnit.Framework;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle;

/// <summary>Every module of the class model against the golden tensors.</summary>
internal sealed class ExactModuleTests
{
    /// <summary>
    /// Golden tensors are float32 results of float32 arithmetic: each of the few sums of a module rounds at 6e-8, and RoPE's angles, up to
    /// 16, at 1e-6. The largest deviation measured is 6e-7.
    /// </summary>
    private const double Tolerance = 1e-6;

    [Test]
    public void Tables()
    {
        var golden = new GoldenFile("modules/tables");
        Deviation.Check("rope_2d", Exact.RopeTable(8, 3, 4), golden.Doubles("rope_2d.cos_sin"), Tolerance);
        double[] t = golden.Doubles("timestep_embedding.t");
        Deviation.Check("timestep_embedding", Exact.TimestepEmbedding(t), golden.Doubles("timestep_embedding.out"), Tolerance);
        Assert.That(Exact.Patchify(golden.Doubles("patchify.in"), 3, 6, 8, 2), Is.EqualTo(golden.Doubles("patchify.out")));
    }

    [TestCase("square", 6, 6)]
    [TestCase("rect", 6, 8)]
    public void Pixel_positions(string name, int height, int width)
    {
        double[] golden = new GoldenFile("modules/tables").Doubles($"pixel_pos.{name}");                      // [H·W, d] row-major
        double[] expected = Exact.PixelRows(ChannelsFirst(golden, 8), 8, height, width, 2);

        // Computed in double precision on both sides, the powers and arguments in another order.
        Deviation.Check(name, Exact.PixelPositions(8, height, width, 2), expected, 1e-15);

        static double[] ChannelsFirst(double[] pixels, int channels)
        {
            int count = pixels.Length / channels;
            return [.. Enumerable.Range(0, pixels.Length).Select(i => pixels[i % count * channels + i / count])];
        }
    }

    [Test]
    public void Class_embedder()
    {
        var golden = new GoldenFile("modules/class_embedder");
        double[] y = Exact.Embedding(golden.Parameter("embedding_table.weight"), golden.Integers("in.y"), Number(golden, "hidden"));
        Assert.That(y, Is.EqualTo(golden.Doubles("out")));
    }

    [Test]
    public void Rms_norm() => Check("rms_norm", (golden, _) => Exact.RmsNorm(golden.Doubles("in.x"), golden.Parameter("weight")));

    [Test]
    public void Timestep_conditioner() => Check("timestep_conditioner", (golden, config) =>
        ExactLayers.TimestepEmbedder(golden.Doubles("in.t"), golden.Parameter, config.Hidden));

    [Test]
    public void Rotary_attention() => Check("rotary_attention", (golden, config) =>
        ExactLayers.RotaryAttention(golden.Doubles("in.x"), golden.Parameter, Rope(golden, config.HeadWidth), config.Hidden, config.Heads));

    [Test]
    public void Swiglu_feed_forward() => Check("swiglu_feed_forward", (golden, config) =>
        ExactLayers.FeedForward(golden.Doubles("in.x"), golden.Parameter, config.Hidden));

    [Test]
    public void Gelu_mlp() => Check("gelu_mlp", (golden, config) =>
        ExactLayers.Mlp(golden.Doubles("in.x"), golden.Parameter, config.PixelHidden));

    [Test]
    public void Patch_block() => Check("patch_block", (golden, config) =>
        ExactLayers.PatchBlock(golden.Doubles("in.x"), golden.Doubles("in.c"), golden.Parameter, Rope(golden, config.HeadWidth), config));

    [Test]
    public void Pixel_token_embedder() => Check("pixel_token_embedder", (golden, config) =>
        ExactLayers.PixelEmbedder(golden.Doubles("in.x"), golden.Parameter, golden.Shape("in.x")[2], golden.Shape("in.x")[3], config));

    [TestCase("pixel_block", false, 32)]
    [TestCase("pixel_block_narrow_attention", false, 16)]
    [TestCase("pixel_block_post_modulation", true, 32)]
    public void Pixel_block(string name, bool postModulation, int attention) => Check(name, (golden, config) =>
    {
        config = config with { PostModulation = postModulation, PixelAttention = attention };
        double[] rope = Rope(golden, attention / config.PixelAttentionHeads);
        return ExactLayers.PixelBlock(golden.Doubles("in.x"), golden.Doubles("in.s_cond"), golden.Parameter, rope, config);
    });

    [Test]
    public void Final_layer() => Check("final_layer", (golden, config) =>
        ExactLayers.FinalLayer(golden.Doubles("in.x"), golden.Parameter, config));

    private static void Check(string name, Func<GoldenFile, ModelConfig, double[]> module)
    {
        var golden = new GoldenFile($"modules/{name}");
        var config = new ModelConfig
        {
            Hidden = Number(golden, "hidden"),
            Heads = Number(golden, "heads"),
            Patch = Number(golden, "patch"),
            PixelHidden = Number(golden, "pixel_hidden"),
            PatchDepth = 1,
            PixelDepth = 1,
            Classes = 10
        };
        Deviation.Check(name, module(golden, config), golden.Doubles("out"), Tolerance);
    }

    private static double[] Rope(GoldenFile golden, int headWidth) =>
        Exact.RopeTable(headWidth, Number(golden, "grid_height"), Number(golden, "grid_width"));

    private static int Number(GoldenFile golden, string key) => int.Parse(golden.Metadata(key), CultureInfo.InvariantCulture);
}
