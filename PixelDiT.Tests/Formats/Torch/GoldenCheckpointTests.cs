using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Formats.Torch;

/// <summary>Files that torch.save wrote hold the tensors they were made from.</summary>
public class GoldenCheckpointTests
{
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Golden", "checkpoints", name);

    private static SafetensorsReader ClassWeights()
        => SafetensorsReader.Open(typeof(ModelConfig).Assembly.GetManifestResourceStream("golden/c2i/weights.safetensors")!, "c2i/weights");

    private static void EqualsWeights(IWeightFile file, string prefix, float added)
    {
        using var expected = ClassWeights();
        foreach (var tensor in expected.Tensors)
        {
            Assert.That(file[prefix + tensor.Name].Shape, Is.EqualTo(tensor.Shape), tensor.Name);
            double[] values = [.. expected.ReadSingles(tensor.Name).Select(value => (double)(value + added))];
            Assert.That(file.ReadDoubles(prefix + tensor.Name), Is.EqualTo(values), tensor.Name);
        }
    }

    [TestCase("bare_state_dict.pt", "PyTorch zip", "", 0)]
    [TestCase("legacy_format.pt", "PyTorch before 1.6", "", 0)]
    [TestCase("lightning.ckpt", "PyTorch zip", "ema_denoiser.", 0)]
    [TestCase("lightning.ckpt", "PyTorch zip", "denoiser.", 1)]
    public void A_checkpoint_holds_the_weights_it_was_made_from(string name, string format, string prefix, float added)
    {
        using var file = WeightFile.Open(PathOf(name));
        Assert.That(file.Format, Is.EqualTo(format));
        EqualsWeights(file, prefix, added);
    }

    [TestCase("bare_state_dict.pt", "ema", 0)]
    [TestCase("bare_state_dict.pt", "raw", 0)]
    [TestCase("legacy_format.pt", "ema", 0)]
    [TestCase("lightning.ckpt", "ema", 0)]
    [TestCase("lightning.ckpt", "raw", 1)]
    public void A_checkpoint_becomes_a_model(string name, string choice, float added)
    {
        using var device = Device.Open("cpu", 1);
        var (model, info) = Checkpoint.LoadModel(PathOf(name), device, WeightChoice.Parse(choice));
        using (model)
        {
            using var expected = ClassWeights();
            Assert.That(info.Config, Is.EqualTo(ModelConfig.FromJson(expected.Metadata["config"], "c2i")));
            Assert.That(info.Step, Is.EqualTo(name == "lightning.ckpt" ? 1_600_000 : 0));
            foreach (var parameter in model.Parameters.All)
                Assert.That(parameter.Value.ToArray(), Is.EqualTo(expected.ReadSingles(parameter.Name).Select(value => value + added)), parameter.Name);
        }
    }

    [Test]
    public void Views_read_by_their_strides()
    {
        using var file = WeightFile.Open(PathOf("views.pt"));
        double[] whole = file.ReadDoubles("whole");                                             // [4, 6]
        Assert.That(file["transposed"].Shape, Is.EqualTo(new long[] { 6, 4 }));
        double[] transposed = [.. from column in Enumerable.Range(0, 6) from row in Enumerable.Range(0, 4) select whole[(row * 6) + column]];
        Assert.That(file.ReadDoubles("transposed"), Is.EqualTo(transposed));
        float[] part = new float[5];
        file.ReadSingles("transposed", 7, part);
        Assert.That(part, Is.EqualTo(transposed[7..12].Select(value => (float)value)));
        Assert.That(file.ReadDoubles("slice"), Is.EqualTo(new[] { whole[8], whole[9], whole[10], whole[14], whole[15], whole[16] }));
        Assert.That(whole.Distinct().Count(), Is.EqualTo(24));
        Assert.That(file.ReadDoubles("half"), Is.EqualTo(whole.Select(value => (double)(Half)value)));
        Assert.That(file.ReadDoubles("double"), Is.EqualTo(whole).Within(1e-6));
        Assert.That((file["int64"].Type, file.ReadDoubles("int64").Length), Is.EqualTo((DataType.I64, 5)));
        Assert.That(file.ReadDoubles("bool"), Is.All.EqualTo(0).Or.EqualTo(1));
        Assert.That((file["scalar"].Shape.Count, file.ReadDoubles("scalar").Length), Is.EqualTo((0, 1)));
        Assert.That(file["empty"].Shape, Is.EqualTo(new long[] { 0, 3 }));
        Assert.That(file.ReadDoubles("empty"), Is.Empty);
    }

    [Test]
    public void Weights_read_amid_objects_of_other_libraries()
    {
        using var file = WeightFile.Open(PathOf("recovery_metadata.pth"));
        using var views = WeightFile.Open(PathOf("views.pt"));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "w", "rng.numpy.1", "rng.torch", "(top).arr" }), "the state dict's own, then those beside it");
        Assert.That(file.ReadDoubles("(top).arr"), Is.EqualTo(new double[] { 0, 1, 2 }));
        Assert.That((file["rng.numpy.1"].Type, file["rng.numpy.1"].Count, file.ReadDoubles("rng.numpy.1")[0]), Is.EqualTo((DataType.U32, 624L, 3.0)), "the state of NumPy's generator");
        Assert.That(file.Metadata["np"], Is.EqualTo("1.5"));
        Assert.That(file.ReadDoubles("w"), Is.EqualTo(views.ReadDoubles("whole")));
        Assert.That(file.Metadata.Keys, Does.Not.Contain("when").And.Not.Contain("big"));
        Assert.That(() => WeightMap.FindModel(file, WeightChoice.Ema), Throws.TypeOf<FileFormatException>().With.Message.Contains("no PixelDiT"));
    }

    [Test]
    public void A_text_model_is_found_beside_the_projector()
    {
        using var file = WeightFile.Open(PathOf("pixeldit_t2i_bf16.pth"));
        Assert.That(file.Tensors.Select(tensor => tensor.Type), Is.All.EqualTo(DataType.BF16));
        foreach (var tensor in file.Tensors) Assert.That(file.ReadDoubles(tensor.Name), Is.All.Matches<double>(double.IsFinite), tensor.Name);
        using var stored = StoredModel.Open(PathOf("pixeldit_t2i_bf16.pth"));
        Assert.That((stored.Info.Config.IsText, stored.Info.Config.PixelAttention, stored.Info.Config.TextTokens, stored.Info.Config.TextRope), Is.EqualTo((true, 16, 12, true)));
        Assert.That(stored.Weights.ToString(), Is.EqualTo("core.* (the only set)"));
        Assert.That(stored.Info.Remarks, Has.One.Contains("left aside beside the model: _repa_projector.* (1 tensor)"));
    }

    [TestCase(DataType.F32)]
    [TestCase(DataType.BF16)]
    public void Convert_keeps_weights_step_and_config(DataType type)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            using (var file = StoredModel.Open(PathOf("lightning.ckpt"))) file.WriteTo(path, type);
            using var converted = SafetensorsReader.Open(path);
            using var expected = ClassWeights();
            Assert.That(converted.Tensors.Select(tensor => (tensor.Name, tensor.Type)), Is.EquivalentTo(expected.Tensors.Select(tensor => (tensor.Name, type))));
            foreach (var tensor in expected.Tensors)
            {
                float[] values = expected.ReadSingles(tensor.Name);
                Assert.That(converted.ReadSingles(tensor.Name).Zip(values), Is.All.Matches<(float Found, float Expected)>(pair => Math.Abs(pair.Found - pair.Expected) <= (type == DataType.F32 ? 0 : Math.Abs(pair.Expected) / 256)));
            }
            Assert.That(converted.Metadata["step"], Is.EqualTo("1600000"));
            Assert.That(ModelConfig.FromJson(converted.Metadata["config"], "f"), Is.EqualTo(ModelConfig.FromJson(expected.Metadata["config"], "c2i")));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
