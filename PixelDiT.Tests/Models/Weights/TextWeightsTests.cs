using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Models.Weights;

/// <summary>Text-to-image models under the names that files in the wild give them.</summary>
public sealed class TextWeightsTests
{
    private static readonly ModelConfig s_config = new()
    {
        Hidden = 24,
        Heads = 2,
        Patch = 2,
        PatchDepth = 2,
        PixelDepth = 1,
        PixelHidden = 4,
        Classes = 0,
        TextWidth = 10,
        TextTokens = 5,
        PixelAttention = 16,
        PixelHeads = 4
    };

    private static IEnumerable<TensorData> Set(Func<string, string> rename, float added = 0) => SetFiles.Set(rename, added, s_config);

    private static void Holds(IWeightFile file, float added = 0, string choice = "ema")
    {
        using var model = new StoredModel(file, WeightChoice.Parse(choice));
        Assert.That(model.Info.Config, Is.EqualTo(s_config));
        foreach (var ((name, shape), i) in ModelCost.Shapes(s_config).Select((entry, i) => (entry, i))) Assert.That(model.ReadWidened(name), Is.EqualTo(SetFiles.Values(i, shape, added)), name);
    }

    [TestCase("")]
    [TestCase("core.")]
    [TestCase("net.")]
    [TestCase("model.diffusion_model.")]
    [TestCase("model.diffusion_model.core.")]
    [TestCase("_orig_mod.core.")]
    [TestCase("module.")]
    public void A_model_is_found_under_any_prefix(string prefix) => Holds(SetFiles.Open(Set(name => prefix + name)));

    [TestCase("core.")]
    [TestCase("net.")]
    public void The_averaged_set_is_taken_before_the_raw_one(string raw)
    {
        TensorData[] both = [.. Set(name => raw + name), .. Set(name => $"net_ema.{name}", 1)];
        Holds(SetFiles.Open(both), 1);
        Holds(SetFiles.Open(both), 0, "raw");
    }

    [TestCase("ema_model.")]
    [TestCase("model_ema.")]
    public void Names_without_dots_are_read(string prefix)
    {
        TensorData[] both = [.. Set(name => $"core.{name}"), .. Set(name => prefix + name.Replace(".", ""), 2)];
        Holds(SetFiles.Open(both), 2);
        Holds(SetFiles.Open(Set(name => $"core_{name.Replace('.', '_')}")));
    }

    [Test]
    public void A_list_without_names_is_that_of_the_named_set()
    {
        string[] names = [.. ModelCost.Shapes(s_config).Keys];
        Holds(SetFiles.Open([.. Set(name => $"core.{name}"), .. Set(name => $"ema.shadow_params.{Array.IndexOf(names, name)}", 3)]), 3);
    }

    [TestCase("")]
    [TestCase(".0")]
    public void Halves_of_the_pixel_level_are_joined(string inner)
    {
        IEnumerable<TensorData> Split(TensorData whole, int index)
        {
            const string layer = "pixel_blocks.0.adaLN_modulation.0";
            string name = $"model.diffusion_model.{whole.Spec.Name}";
            if (!whole.Spec.Name.StartsWith(layer)) return [new TensorData(name, whole.Spec.Shape, SetFiles.Values(index, whole.Spec.Shape, 0))];
            // [P, 6, d, ..] cut along its second axis.
            float[] values = SetFiles.Values(index, whole.Spec.Shape, 0);
            int half = values.Length / s_config.PatchPixels / 2;
            return ((string[])["msa", "mlp"]).Select((kind, side) => new TensorData(
                name.Replace("adaLN_modulation.0", $"adaLN_modulation_{kind}{inner}"), [whole.Spec.Shape[0] / 2, .. whole.Spec.Shape.Skip(1)], [.. values.Where((_, i) => i / half % 2 == side)]));
        }
        Holds(SetFiles.Open(Set(name => name).SelectMany(Split)));
    }

    [Test]
    public void The_projector_is_left_aside_with_a_remark()
    {
        using var model = new StoredModel(SetFiles.Open([.. Set(name => $"core.{name}"), new TensorData("_repa_projector.0.weight", [4, 24], new float[96]), new TensorData("_repa_projector.0.bias", [4], new float[4])]));
        Assert.That(model.Info.Remarks, Is.EqualTo((string[])["f: left aside beside the model: _repa_projector.* (2 tensors), which only training with REPA uses"]));
    }

    [TestCase("y_pos_embedding", "tensor core.y_pos_embedding is missing")]
    [TestCase("patch_blocks.1.attn.qkv_y.weight", "tensor core.patch_blocks.1.attn.qkv_y.weight is missing")]
    [TestCase("y_embedder.norm.weight", "tensor core.y_embedder.norm.weight is missing")]
    public void A_missing_tensor_is_named(string missing, string message)
        => Assert.That(() => new StoredModel(SetFiles.Open(Set(name => $"core.{name}").Where(tensor => tensor.Spec.Name != $"core.{missing}"))), Throws.InstanceOf<PixelDiTException>().With.Message.Contains(message));

    [TestCase("config", "use_text_rope: false\npatch_size: 16", false)]
    [TestCase("args", "--use_text_rope=False", false)]
    [TestCase("config", "use_text_rope: true", true)]
    [TestCase("note", "no use_text_rope here", true)]
    public void Settings_of_other_forms_say_whether_a_text_is_turned(string key, string note, bool turned)
    {
        using var model = new StoredModel(SetFiles.Open(Set(name => $"core.{name}"), (key, note)));
        Assert.That(model.Info.Config, Is.EqualTo(s_config with { TextRope = turned }));
    }

    [Test]
    public void What_shapes_do_not_show_is_kept_by_the_config()
    {
        var config = s_config with { TextRope = false, TextRopeTheta = 500 };
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            using (var model = new StoredModel(SetFiles.Open(Set(name => $"core.{name}"), ("config", config.ToJson())))) model.WriteTo(path, DataType.BF16);
            using var converted = StoredModel.Open(path);
            Assert.That((converted.Info.Config, converted.Info.SaysConfig), Is.EqualTo((config, true)));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
