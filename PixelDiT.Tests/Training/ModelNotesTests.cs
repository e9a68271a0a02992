using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Models.Weights;

namespace PixelDiT.Tests.Training;

/// <summary>What other programs write beside weights never refuses the weights, and is said to be left aside.</summary>
internal sealed class ModelNotesTests
{
    private static StoredModel Open(params (string Key, string Value)[] notes) => new(SetFiles.Open(SetFiles.Set("", 1), notes));

    private static string Right => SetFiles.Config.ToJson();

    [TestCase("step", "final")]
    [TestCase("step", "12000.0")]
    [TestCase("step", "-1")]
    [TestCase("step", "")]
    [TestCase("step", "1e5")]
    [TestCase("step", "12,000")]
    [TestCase("step", "99999999999999999999999")]
    [TestCase("step", "null")]
    [TestCase("global_step", "tensor(5)")]
    [TestCase("resolution", "256x256")]
    [TestCase("resolution", "[256, 256]")]
    [TestCase("resolution", "256px")]
    [TestCase("resolution", "65537")]
    [TestCase("class_names", "cat,dog")]
    [TestCase("class_names", "{\"0\": \"cat\"}")]
    [TestCase("class_names", "[1, 2, 3]")]
    [TestCase("class_names", "[\"a\", null, \"c\"]")]
    [TestCase("class_names", "null")]
    [TestCase("class_names", "[\"two\", \"names\"]")]
    [TestCase("config", "")]
    [TestCase("config", "model:\n  target: x\n")]
    [TestCase("config", "<config/>")]
    [TestCase("config", "null")]
    [TestCase("config", "[]")]
    [TestCase("config", "3")]
    [TestCase("config", "{}")]
    [TestCase("config", "{\"_class_name\": \"PixelDiTTransformer2DModel\", \"in_channels\": 3, \"hidden_size\": 16, \"patch_size\": 2}")]
    [TestCase("config", "{\"num_groups\": \"two\"}")]
    public void A_note_that_does_not_read_gets_a_remark(string key, string value)
    {
        using var model = Open((key, value));
        Assert.That(model.Info.Config, Is.EqualTo(SetFiles.Config));
        Assert.That((model.Info.Step, model.Info.Size, model.Info.ClassNames.Count, model.Info.SaysConfig), Is.EqualTo((0, (ImageSize?)null, 0, false)));
        Assert.That(model.Info.Remarks, Has.Count.EqualTo(1));
        Assert.That(model.Info.Remarks[0], Does.StartWith($"f: note {key} is \"").And.Contain("left aside").And.Not.Contain("\n").And.Not.Contain("System."));
    }

    private static IEnumerable<TestCaseData> OtherSizes()
    {
        var right = SetFiles.Config;
        return new (string Name, ModelConfig Config)[]
        {
            ("width", right with { Hidden = 32 }), ("heads", right with { Heads = 1 }), ("patch", right with { Patch = 4 }), ("fewer_patch_blocks", right with { PatchDepth = 1 }),
            ("pixel_width", right with { PixelHidden = 8 }), ("classes", right with { Classes = 1000 }), ("channels", right with { Channels = 1 }), ("modulation", right with { PostModulation = true }), ("XL", Presets.Get("XL"))
        }.Select(entry => new TestCaseData(entry.Config.ToJson()).SetName($"Config_of_other_{entry.Name}"));
    }

    [TestCaseSource(nameof(OtherSizes))]
    public void A_config_that_the_shapes_contradict_is_left_aside(string json)
    {
        using var model = Open(("config", json));
        Assert.That(model.Info.Config, Is.EqualTo(SetFiles.Config));
        Assert.That(model.Info.Remarks.Single(), Does.Contain("where the file has").Or.Contain("has no patch_blocks.1."));
    }

    [Test]
    public void A_config_with_words_of_its_own_is_left_aside()
    {
        using var model = Open(("config", Right[..^1] + ",\"name\":\"mine\"}"));
        Assert.That(model.Info.Config, Is.EqualTo(SetFiles.Config));
        Assert.That(model.Info.Remarks.Single(), Does.Contain("has \"name\""));
    }

    [Test]
    public void Notes_of_the_model_are_read_without_a_remark()
    {
        using var model = Open(("config", Right), ("step", "120"), ("resolution", "8"), ("class_names", "[\"a\", \"b\", \"c\"]"));
        Assert.That((model.Info.Step, model.Info.Size, model.Info.SaysConfig), Is.EqualTo((120, (ImageSize?)8, true)));
        Assert.That(model.Info.ClassNames, Is.EqualTo((string[])["a", "b", "c"]));
        Assert.That(model.Info.Remarks, Is.Empty);
    }

    [Test]
    public void Other_models_in_a_folder_are_named()
    {
        string folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;
        string At(string name) => Path.Combine(folder, name);
        try
        {
            SetFiles.Write(At("model.safetensors"), SetFiles.Set("", 1));
            SetFiles.Write(At("training.safetensors"), SetFiles.Set("param.", 3));
            SetFiles.Write(At("optimizer.safetensors"), SetFiles.Set("exp_avg.", 3));
            File.WriteAllText(At("notes.pt"), "x");
            using (var alone = StoredModel.Open(folder)) Assert.That(alone.Info.Remarks, Is.Empty);

            SetFiles.Write(At("model_ema.safetensors"), SetFiles.Set("", 2));
            using var first = StoredModel.Open(folder);
            Assert.That(first.Info.Remarks, Is.EqualTo(new[] { $"{At("model.safetensors")}: taken from its folder; left there: \"model_ema.safetensors\"; name a file to take it" }));
            using var named = StoredModel.Open(At("model.safetensors"));
            Assert.That(named.Info.Remarks, Is.Empty);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void A_step_that_reads_is_taken_where_another_does_not()
    {
        using var model = Open(("step", "final"), ("global_step", "70"));
        Assert.That(model.Info.Step, Is.EqualTo(70));
        Assert.That(model.Info.Remarks, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_config_names_the_block_that_a_file_lost()
    {
        // Shapes alone would give a model of one block.
        var cut = SetFiles.Set("", 1).Where(tensor => !tensor.Spec.Name.StartsWith("patch_blocks.1.", StringComparison.Ordinal));
        Assert.That(() => new StoredModel(SetFiles.Open(cut, ("config", Right))), Throws.TypeOf<FileFormatException>().With.Message.Contains("tensor patch_blocks.1.norm1.weight is missing"));
    }

    [Test]
    public void A_model_without_its_position_embedding_is_refused_whatever_else_its_config_says()
    {
        string without = Right.Replace("\"use_pixel_abs_pos\":true", "\"use_pixel_abs_pos\":false");
        foreach (string config in (string[])[without, without[..^1] + ",\"name\":\"mine\"}"])
            Assert.That(() => Open(("config", config)), Throws.TypeOf<ConfigurationException>().With.Message.Contains("use_pixel_abs_pos is false"), config);
    }

    [TestCase("config", "model:\n  use_pixel_abs_pos: false\n")]
    [TestCase("config", "{'use_pixel_abs_pos': False, 'patch_size': 4}")]
    [TestCase("config", "{\"use_pixel_abs_pos\": false, /* comment */}")]
    [TestCase("config", "{\"use_pixel_abs_pos\": false, // off\n}")]
    [TestCase("config", "{\"use_pixel_abs_pos\": \"false\"}")]
    [TestCase("args", "--use_pixel_abs_pos=0")]
    [TestCase("hyper_parameters.denoiser.use_pixel_abs_pos", "false")]
    [TestCase("config.use_pixel_abs_pos", "0")]
    public void A_model_without_position_embedding_is_refused_however_it_is_said(string key, string value)
        => Assert.That(() => Open((key, value)), Throws.TypeOf<ConfigurationException>().With.Message.Contains("use_pixel_abs_pos is false"));

    [TestCase("config", "model:\n  use_pixel_abs_pos: true\n")]
    [TestCase("config.use_pixel_abs_pos", "true")]
    [TestCase("config.patch_size", "0")]
    [TestCase("args", "use_pixel_abs_pos: 0.5")]
    [TestCase("args", "not_use_pixel_abs_pos: false")]
    public void A_model_with_it_is_taken(string key, string value)
    {
        using var model = Open((key, value));
        Assert.That(model.Info.Config, Is.EqualTo(SetFiles.Config));
    }
}
