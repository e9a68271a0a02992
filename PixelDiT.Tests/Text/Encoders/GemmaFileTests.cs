using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>The forms in which Gemma-2 comes: a folder with shards, one file, one file with prefixes and a tokenizer in it; and files that are not it.</summary>
internal sealed class GemmaFileTests
{
    private const string Case = "gemma";

    private TemporaryFolder _folder = null!;
    private Device _device = null!;

    [SetUp]
    public void Make() => (_folder, _device) = (new(), Device.Open("cpu", 1));

    [TearDown]
    public void Delete()
    {
        Assert.That(_device.Arena.BytesInUse, Is.Zero);
        _folder.Dispose();
        _device.Dispose();
    }

    private string At(string name) => Path.Combine(_folder.Path, name);

    private static string Config
    {
        get
        {
            using var weights = GemmaGolden.Weights(Case);
            return weights.Metadata["config"];
        }
    }

    /// <summary>Writes a part of the golden weights, with other names where asked.</summary>
    private void Write(string name, Func<string, bool>? wanted = null, Func<string, string>? rename = null, DataType? type = null, bool withConfig = false, params TensorData[] beside)
    {
        using var weights = GemmaGolden.Weights(Case);
        rename ??= tensor => tensor;
        var taken = weights.Tensors.Where(tensor => wanted?.Invoke(tensor.Name) ?? true).ToDictionary(tensor => rename(tensor.Name), tensor => tensor);
        var metadata = withConfig ? new Dictionary<string, string> { ["config"] = Config } : null;
        if (beside.Length > 0)
        {
            SafetensorsWriter.Write(At(name), [.. taken.Select(entry => new TensorData(entry.Key, entry.Value.Shape, weights.ReadSingles(entry.Value.Name))), .. beside], metadata);
            return;
        }
        SafetensorsWriter.Write(At(name), [.. taken.Select(entry => new TensorSpec(entry.Key, type ?? DataType.F32, entry.Value.Shape))], metadata, (tensor, first, chunk) => weights.ReadSingles(taken[tensor].Name, first, chunk));
    }

    private float[] States(string path, bool lowMemory = false)
    {
        using var encoder = GemmaEncoder.Open(_device, path, new() { SoftCap = 50, LowMemory = lowMemory });
        using var states = encoder.Encode([2, 9, 33, 60, 0], [1, 1, 1, 1, 0], 1);
        return states.ToArray();
    }

    private float[] Expected()
    {
        using var encoder = GemmaGolden.Open(_device, Case, 50);
        using var states = encoder.Encode([2, 9, 33, 60, 0], [1, 1, 1, 1, 0], 1);
        return states.ToArray();
    }

    private string Refusal<T>(string name) where T : PixelDiTException => Assert.Throws<T>(() => GemmaEncoder.Open(_device, At(name)).Dispose())!.Message;

    [Test]
    public void A_folder_of_shards_and_its_config()
    {
        bool InFirst(string name) => name.Contains("embed") || name.Contains("layers.0.") || name.Contains("layers.1.");
        Write("model-00001-of-00002.safetensors", InFirst);
        Write("model-00002-of-00002.safetensors", name => !InFirst(name));
        using (var weights = GemmaGolden.Weights(Case))
        {
            var map = weights.Tensors.ToDictionary(tensor => tensor.Name, tensor => InFirst(tensor.Name) ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors");
            File.WriteAllText(At("model.safetensors.index.json"), JsonSerializer.Serialize(new { weight_map = map }));
        }
        File.WriteAllText(At("config.json"), Config);
        Assert.That(States(_folder.Path), Is.EqualTo(Expected()));
        Assert.That(States(At("model.safetensors.index.json"), lowMemory: true), Is.EqualTo(Expected()));
    }

    [TestCase("model.")]
    [TestCase("")]
    [TestCase("text_encoders.gemma2_2b.transformer.model.")]
    public void One_file_whatever_its_prefix(string prefix)
    {
        Write("gemma.safetensors", rename: name => prefix + name["model.".Length..], withConfig: true);
        Assert.That(States(At("gemma.safetensors")), Is.EqualTo(Expected()));
    }

    [Test]
    public void What_stands_beside_the_decoder_is_passed_over()
    {
        Write("gemma.safetensors", withConfig: true, beside: [new TensorData("spiece_model", [3], new byte[] { 1, 2, 3 }), new TensorData("lm_head.weight", [1], new float[1])]);
        Assert.That(States(At("gemma.safetensors")), Is.EqualTo(Expected()));
        Write("all.safetensors", rename: name => "te." + name, withConfig: true, beside: [new TensorData("unet.weight", [1], new float[1])]);
        Assert.That(States(At("all.safetensors")), Is.EqualTo(Expected()));
    }

    [Test]
    public void A_missing_tensor_is_named()
    {
        Write("gemma.safetensors", name => !name.Contains("layers.2.mlp.up_proj"), withConfig: true);
        Assert.That(Refusal<FileFormatException>("gemma.safetensors"), Does.EndWith("gemma.safetensors: lacks \"model.layers.2.mlp.up_proj.weight\", which a Gemma-2 of 4 layers has"));
    }

    [TestCase("model.layers.0.self_attn.q_norm.weight")]
    [TestCase("model.layers.4.input_layernorm.weight")]
    [TestCase("vision_tower.weight")]
    public void A_surplus_tensor_is_named(string name)
    {
        Write("gemma.safetensors", withConfig: true, beside: [new TensorData(name, [1], new float[1])]);
        Assert.That(Refusal<FileFormatException>("gemma.safetensors"), Does.EndWith($"gemma.safetensors: has \"{name}\", which a Gemma-2 of 4 layers does not know"));
    }

    [Test]
    public void A_misshapen_tensor_is_named()
    {
        Write("gemma.safetensors", name => !name.EndsWith("1.self_attn.k_proj.weight"), withConfig: true, beside: [new TensorData("model.layers.1.self_attn.k_proj.weight", [32, 24], new float[32 * 24])]);
        Assert.That(Refusal<FileFormatException>("gemma.safetensors"), Does.EndWith("tensor \"model.layers.1.self_attn.k_proj.weight\" has the shape [32, 24]; [24, 32] was expected"));
    }

    [Test]
    public void A_tensor_of_whole_numbers_is_named()
    {
        Write("gemma.safetensors", name => !name.EndsWith("model.norm.weight"), withConfig: true, beside: [new TensorData("model.norm.weight", [32], new byte[32])]);
        Assert.That(Refusal<FileFormatException>("gemma.safetensors"), Does.EndWith("tensor \"model.norm.weight\" is stored as U8; F64, F32, F16 or BF16 was expected"));
    }

    [Test]
    public void Another_model_is_refused()
    {
        Write("other.safetensors", name => !name.Contains("embed"), withConfig: true);
        Assert.That(Refusal<FileFormatException>("other.safetensors"), Does.Contain("lacks \"model.embed_tokens.weight\"").Or.Contain("none of its 45 tensors is named model.embed_tokens.weight"));
        Write("two.safetensors", withConfig: true, beside: [new TensorData("b.embed_tokens.weight", [1], new float[1])]);
        Assert.That(Refusal<FileFormatException>("two.safetensors"), Does.Contain("holds several text models: \"model.embed_tokens.weight\", \"b.embed_tokens.weight\""));
    }

    [Test]
    public void A_file_without_a_config_must_be_Gemma_2_2B()
    {
        Write("gemma.safetensors");
        Assert.That(Refusal<ConfigurationException>("gemma.safetensors"), Does.Contain("there is no config.json beside it, and its embedding [64, 32] is not that of Gemma-2-2B, [256000, 2304]"));
        File.WriteAllText(At("config.json"), Config);
        Assert.That(States(At("gemma.safetensors")), Is.EqualTo(Expected()));
    }

    [Test]
    public void A_config_of_another_model_beside_the_weights_is_refused()
    {
        Write("gemma.safetensors");
        File.WriteAllText(At("config.json"), "{\"model_type\": \"llama\"}");
        Assert.That(Refusal<ConfigurationException>("gemma.safetensors"), Does.Contain("model_type is \"\"llama\"\"; \"gemma2\" was expected"));
    }

    /// <summary>A file that ends early is found when it is opened; one that shrinks while it is read from is an error of the file and nothing else.</summary>
    [Test]
    public void A_file_that_is_cut_short_is_refused()
    {
        Write("gemma.safetensors", withConfig: true);
        using (var stream = File.Open(At("gemma.safetensors"), FileMode.Open)) stream.SetLength(stream.Length - 1);
        Assert.That(() => GemmaEncoder.Open(_device, At("gemma.safetensors")), Throws.TypeOf<FileFormatException>());
    }

    [Test]
    public void Float16_reads_as_what_it_holds()
    {
        Write("half.safetensors", type: DataType.F16, withConfig: true);
        float[] half = States(At("half.safetensors")), single = Expected();
        double error = half.Zip(single, (a, b) => Math.Abs(a - b)).Max() / single.Max(Math.Abs);
        Assert.That(error, Is.InRange(1e-6, 2e-2), "weights rounded by 2^-11 and kept so");
    }
}
