using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;

namespace PixelDiT.Tests.Models.Weights;

/// <summary>Parameters are found under the names that repackaged files give them, and sizes are read off their shapes.</summary>
public class WeightMapTests
{
    private static readonly ModelConfig s_config = new() { Hidden = 24, Heads = 2, Patch = 2, PatchDepth = 1, PixelDepth = 2, PixelHidden = 4, Classes = 3 };

    private static Dictionary<string, (IReadOnlyList<long> Shape, float[] Values)> Weights(ModelConfig config)
    {
        int next = 0;
        return ModelCost.Shapes(config).ToDictionary(entry => entry.Key, entry => (entry.Value, Enumerable.Range(0, (int)entry.Value.Aggregate(1L, (a, b) => a * b)).Select(_ => (float)next++).ToArray()));
    }

    private static SafetensorsReader File(IEnumerable<TensorData> tensors)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}");
        SafetensorsWriter.Write(path, [.. tensors]);
        byte[] bytes = System.IO.File.ReadAllBytes(path);
        System.IO.File.Delete(path);
        return SafetensorsReader.Open(new MemoryStream(bytes), "f");
    }

    private static IEnumerable<TensorData> Named(ModelConfig config, string prefix) => Weights(config).Select(entry => new TensorData(prefix + entry.Key, entry.Value.Shape, entry.Value.Values));

    private static void EqualsWeights(WeightMap map, ModelConfig config)
    {
        foreach (var (name, (shape, values)) in Weights(config))
        {
            Assert.That(map.Shapes[name], Is.EqualTo(shape), name);
            float[] found = new float[values.Length];
            map.ReadSingles(name, 0, found);
            Assert.That(found, Is.EqualTo(values), name);
            if (values.Length < 8) continue;
            map.ReadSingles(name, 5, found.AsSpan(0, 3));
            Assert.That(found[..3], Is.EqualTo(values[5..8]), name);
        }
        Assert.That(map.Missing(Weights(config).Keys).Concat(map.Unexpected(Weights(config).Keys)), Is.Empty);
    }

    [TestCase("")]
    [TestCase("core.")]
    [TestCase("net.")]
    [TestCase("model.diffusion_model.")]
    [TestCase("model.diffusion_model.core.")]
    [TestCase("ema_denoiser.")]
    [TestCase("net_ema.")]
    public void Prefixes_are_found(string prefix)
    {
        using var file = File(Named(s_config, prefix).Append(new TensorData("_repa_projector.0.weight", [1], [0f])));
        var map = WeightMap.FindModel(file, WeightChoice.Ema);
        Assert.That(map.Prefix, Is.EqualTo(prefix));
        EqualsWeights(map, s_config);
    }

    [TestCase(false, "")]
    [TestCase(true, "")]
    [TestCase(false, ".0")]
    [TestCase(true, ".0")]
    public void Halves_of_adaLN_are_joined(bool post, string inner)
    {
        var config = s_config with { PostModulation = post };
        int half = post ? 2 : 3;
        IEnumerable<TensorData> Split((string Name, IReadOnlyList<long> Shape, float[] Values) whole)
        {
            if (!whole.Name.StartsWith("pixel_blocks.", StringComparison.Ordinal) || !whole.Name.Contains(".adaLN_modulation.0")) return [new TensorData(whole.Name, whole.Shape, whole.Values)];
            // [P, 2·half, d, …] by its definition: the value at (pixel, part, …) goes to the half its part belongs to.
            int run = whole.Values.Length / config.PatchPixels / (2 * half);
            return ((string[])["msa", "mlp"]).Select((kind, side) => new TensorData(
                whole.Name.Replace("adaLN_modulation.0", $"adaLN_modulation_{kind}{inner}"), [whole.Shape[0] / 2, .. whole.Shape.Skip(1)],
                [.. whole.Values.Where((_, i) => i / run % (2 * half) / half == side)]));
        }
        using var file = File(Weights(config).SelectMany(entry => Split((entry.Key, entry.Value.Shape, entry.Value.Values))));
        Assert.That(file.Contains($"pixel_blocks.1.adaLN_modulation_msa{inner}.bias"), Is.True);
        var map = WeightMap.FindModel(file, WeightChoice.Ema);
        EqualsWeights(map, config);
        Assert.That(ConfigInference.Infer(map.Shapes, "f"), Is.EqualTo(config));
    }

    [Test]
    public void Half_an_adaLN_layer_is_refused()
    {
        using var file = File(Named(s_config, "").Append(new TensorData("pixel_blocks.0.adaLN_modulation_msa.weight", [1], [0f])));
        Assert.That(() => WeightMap.Find(file, WeightChoice.Ema), Throws.TypeOf<FileFormatException>().With.Message.Contains("without its other half"));
    }

    [Test]
    public void Raw_weights_are_asked_for_in_vain_where_only_the_average_is()
    {
        using var file = File(Named(s_config, "ema_denoiser."));
        Assert.That(() => WeightMap.Find(file, WeightChoice.Raw), Throws.TypeOf<FileFormatException>().With.Message.Contains("averaged weights only"));
    }

    [Test]
    public void Missing_and_unexpected_names_are_told()
    {
        using var file = File(Named(s_config, "core.").Where(tensor => tensor.Spec.Name != "core.final_layer.norm.weight").Append(new TensorData("core.extra", [1], [0f])));
        var map = WeightMap.FindModel(file, WeightChoice.Ema);
        Assert.That(map.Missing(ModelCost.Shapes(s_config).Keys), Is.EqualTo(new[] { "final_layer.norm.weight" }));
        Assert.That(map.Unexpected(ModelCost.Shapes(s_config).Keys), Is.EqualTo(new[] { "extra" }));
    }

    private static IEnumerable<ModelConfig> Configs() =>
    [
        s_config, s_config with { PostModulation = true }, s_config with { Channels = 1, Patch = 4 }, s_config with { PixelAttention = 16, PixelHeads = 4 },
        .. Presets.Names.Select(Presets.Get)
    ];

    [TestCaseSource(nameof(Configs))]
    public void Shapes_give_the_config_back(ModelConfig config)
    {
        var shapes = ModelCost.Shapes(config);
        Assert.That(ConfigInference.Infer(shapes, "f"), Is.EqualTo(config));
        Assert.That(shapes.Count, Is.EqualTo(ModelCost.Tensors(config)));
        Assert.That(shapes.Values.Sum(shape => shape.Aggregate(1L, (a, b) => a * b)), Is.EqualTo(ModelCost.Parameters(config)));
    }

    [TestCase("s_embedder.proj.weight", new long[] { 24, 13 }, "no whole number")]
    [TestCase("s_embedder.proj.weight", new long[] { 24, 15 }, "no square")]
    [TestCase("s_embedder.proj.weight", new long[] { 24 }, "positive sizes")]
    [TestCase("patch_blocks.0.attn.q_norm.weight", new long[] { 0 }, "positive sizes")]
    [TestCase("patch_blocks.0.attn.q_norm.weight", new long[] { 7 }, "number of heads")]
    [TestCase("pixel_blocks.0.adaLN_modulation.0.weight", new long[] { 80, 24 }, "5 modulations")]
    [TestCase("pixel_blocks.7.norm1.weight", new long[] { 4 }, "pixel_blocks.2 is missing")]
    public void Shapes_of_no_model_are_refused(string name, long[] shape, string message)
    {
        var shapes = new Dictionary<string, IReadOnlyList<long>>(ModelCost.Shapes(s_config)) { [name] = shape };
        Assert.That(() => ConfigInference.Infer(shapes, "f"), Throws.TypeOf<FileFormatException>().With.Message.Contains(message));
    }
}
