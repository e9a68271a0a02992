using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>
/// Writes a Gemma-2 of any size with random weights, as the released one comes: bfloat16 in two shards with their index, and config.json. What it encodes means nothing; time and memory are those of a trained one. The
/// true size, 4.9 GiB, is written by
/// <code>PIXELDIT_RANDOM_GEMMA=FOLDER dotnet test -c Release --filter Name~Gemma_2_2B_of_random_weights</code>
/// </summary>
internal static class RandomGemma
{
    /// <summary>The variable that names the folder to make.</summary>
    public const string Variable = "PIXELDIT_RANDOM_GEMMA";

    /// <summary>Sizes that fit the tiny golden tokenizer, whose window is shorter than a row.</summary>
    public static GemmaConfig Tiny { get; } = new()
    {
        Vocabulary = 420,
        Hidden = 32,
        Intermediate = 48,
        Heads = 4,
        KeyHeads = 2,
        HeadWidth = 8,
        QueryScalar = 8,
        Window = 64,
        Sliding = [true, false, true],
        TrainedSoftCap = 50
    };

    /// <summary>Writes a model into a folder, which is made.</summary>
    public static void Write(string folder, GemmaConfig config, uint seed = 1)
    {
        Directory.CreateDirectory(folder);
        TensorSpec[] tensors = [.. GemmaWeights.Shapes(config).Select(entry => new TensorSpec("model." + entry.Name, DataType.BF16, [.. entry.Shape.Select(size => (long)size)]))];
        // The first shard ends where half of the values are through.
        long half = tensors.Sum(tensor => tensor.Count) / 2, sum = 0;
        var shards = tensors.GroupBy(tensor => (sum += tensor.Count) <= half || tensor == tensors[0] ? 1 : 2).ToDictionary(shard => $"model-0000{shard.Key}-of-00002.safetensors", shard => shard.ToArray());
        foreach (var (name, shard) in shards)
        {
            var keys = shard.ToDictionary(tensor => tensor.Name, tensor => (Key: seed + (uint)Array.IndexOf(tensors, tensor) * 0x9E3779B9, Most: tensor.Shape is [.., var inputs] && tensor.Shape.Count > 1 ? MathF.Sqrt(3f / inputs) : 0.1f));
            SafetensorsWriter.Write(Path.Combine(folder, name), shard, new Dictionary<string, string> { ["format"] = "pt" }, (tensor, first, chunk) => Fill(chunk, keys[tensor].Key, (uint)first, keys[tensor].Most));
        }
        var index = new { metadata = new { total_size = tensors.Sum(tensor => tensor.Bytes) }, weight_map = shards.SelectMany(shard => shard.Value.Select(tensor => (tensor.Name, shard.Key))).ToDictionary(entry => entry.Name, entry => entry.Key) };
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), JsonSerializer.Serialize(index));
        File.WriteAllText(Path.Combine(folder, "config.json"), Config(config));
    }

    /// <summary>The config.json of sizes.</summary>
    public static string Config(GemmaConfig config) => JsonSerializer.Serialize(new
    {
        model_type = "gemma2",
        vocab_size = config.Vocabulary,
        hidden_size = config.Hidden,
        intermediate_size = config.Intermediate,
        num_hidden_layers = config.Layers,
        num_attention_heads = config.Heads,
        num_key_value_heads = config.KeyHeads,
        head_dim = config.HeadWidth,
        query_pre_attn_scalar = config.QueryScalar,
        sliding_window = config.Window,
        layer_types = config.Sliding.Select(slides => slides ? "sliding_attention" : "full_attention"),
        attn_logit_softcapping = config.TrainedSoftCap,
        rope_theta = config.RopeTheta,
        rms_norm_eps = config.NormEpsilon,
        hidden_activation = "gelu_pytorch_tanh"
    });

    /// <summary>Values between ±most, a hash of the key and their place, a nanosecond each.</summary>
    private static void Fill(Span<float> values, uint key, uint first, float most)
    {
        for (int i = 0; i < values.Length; i++)
        {
            uint hash = (first + (uint)i) * 0x85EBCA6B ^ key;
            hash = (hash ^ hash >> 16) * 0x7FEB352D;
            hash = (hash ^ hash >> 15) * 0x846CA68B;
            values[i] = most * ((int)(hash ^ hash >> 16) * (1f / (1L << 31)));
        }
    }
}

/// <summary>The writer, and the true size where somebody asks for it.</summary>
internal sealed class RandomGemmaTests
{
    [Test]
    public void Gemma_2_2B_of_random_weights_is_written()
    {
        string? folder = Environment.GetEnvironmentVariable(RandomGemma.Variable);
        if (string.IsNullOrEmpty(folder)) Assert.Ignore($"writes 4.9 GiB into the folder that {RandomGemma.Variable} names, which is not set");
        Assert.That(Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any(), Is.False, $"{folder} is not empty");
        RandomGemma.Write(folder, GemmaConfig.Gemma2B);
    }
}
