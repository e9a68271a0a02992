using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Encoders;

/// <summary>
/// Reads the <c>config.json</c> of Hugging Face. Older files have rope_theta at the top and no list of layers, newer ones rope_parameters and layer_types; keys that say nothing about the forward
/// (those of the head, of generation and of training) are passed over, those that ask for another forward are refused.
/// </summary>
internal static class GemmaConfigFile
{
    /// <summary>The name in a model's folder.</summary>
    public const string Name = "config.json";

    private const int MostBytes = 1 << 20;
    private const string Activation = "gelu_pytorch_tanh", Sliding = "sliding_attention", Full = "full_attention";

    /// <summary>Reads a file.</summary>
    /// <exception cref="FileFormatException">It cannot be read, or is larger than 1 MiB.</exception>
    /// <exception cref="ConfigurationException">It does not describe a Gemma-2 decoder; the message names the key, what was found and what was expected.</exception>
    public static GemmaConfig Read(string path)
    {
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            if (stream.Length > MostBytes) throw new FileFormatException($"{path}: has {stream.Length} bytes; the {Name} of a model has at most {MostBytes}");
            byte[] text = new byte[stream.Length];
            stream.ReadExactly(text);
            return Parse(Encoding.UTF8.GetString(text.AsSpan().StartsWith("\ufeff"u8) ? text.AsSpan(3) : text), path);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Reads the text of a file.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for messages.</param>
    /// <inheritdoc cref="Read" path="/exception"/>
    public static GemmaConfig Parse(string json, string source)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new ConfigurationException($"{source}: is no JSON object; the {Name} of a Gemma-2 was expected");
            return Parse(new Keys(document.RootElement, source, ""));
        }
        catch (JsonException error)
        {
            throw new ConfigurationException($"{source}: is no JSON: {JsonReason.Of(error)}");
        }
    }

    private static GemmaConfig Parse(Keys keys)
    {
        if (keys.Text("model_type") is { } type and not ("gemma2" or "gemma2_text")) throw keys.Wrong("model_type", "\"gemma2\" was expected");
        if (keys.Has("quantization_config")) throw keys.Wrong("quantization_config", "weights that are not quantized were expected");
        string activation = keys.Has("hidden_activation") ? "hidden_activation" : "hidden_act";
        if (keys.Text(activation) is { } named && named != Activation) throw keys.Wrong(activation, $"\"{Activation}\" was expected");
        if (keys.Flag("attention_bias")) throw keys.Wrong("attention_bias", "false was expected: this program knows no biases in Gemma-2");
        if (keys.Flag("use_bidirectional_attention")) throw keys.Wrong("use_bidirectional_attention", "false was expected");
        if (!keys.Knows("attn_logit_softcapping")) throw keys.Lacks("attn_logit_softcapping", "a number, or null for none");
        bool[] sliding = Layers(keys, keys.Whole("num_hidden_layers"));
        var config = new GemmaConfig
        {
            Vocabulary = keys.Whole("vocab_size"),
            Hidden = keys.Whole("hidden_size"),
            Intermediate = keys.Whole("intermediate_size"),
            Heads = keys.Whole("num_attention_heads"),
            KeyHeads = keys.Whole("num_key_value_heads"),
            HeadWidth = keys.Whole("head_dim"),
            QueryScalar = keys.Number("query_pre_attn_scalar") ?? throw keys.Lacks("query_pre_attn_scalar", "a number"),
            // Where no layer slides there may be no window; any will do.
            Window = sliding.Contains(true) || keys.Has("sliding_window") ? keys.Whole("sliding_window") : 1,
            Sliding = sliding,
            TrainedSoftCap = keys.Number("attn_logit_softcapping"),
            RopeTheta = Theta(keys),
            NormEpsilon = keys.Number("rms_norm_eps") ?? 1e-6
        };
        config.Validate(keys.Source);
        return config;
    }

    private static bool[] Layers(Keys keys, int count)
    {
        if (count is < 1 or > 1024) throw keys.Wrong("num_hidden_layers", "1 to 1024 was expected");
        if (!keys.Has("layer_types")) return GemmaConfig.Alternating(count);
        var list = keys.Element("layer_types");
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != count) throw keys.Wrong("layer_types", $"a list of {count} was expected, one for each of num_hidden_layers");
        return [.. list.EnumerateArray().Select(layer => layer.ValueKind == JsonValueKind.String ? layer.GetString() : null).Select(name => name switch
        {
            Sliding => true,
            Full => false,
            _ => throw keys.Wrong("layer_types", $"\"{Sliding}\" or \"{Full}\" was expected for each layer")
        })];
    }

    // Newer files keep θ with the kind of RoPE; a scaled kind computes other angles.
    private static double Theta(Keys keys)
    {
        double? top = keys.Number("rope_theta"), inner = null;
        foreach (string name in (string[])["rope_parameters", "rope_scaling"])
        {
            if (!keys.Has(name)) continue;
            if (keys.Element(name).ValueKind != JsonValueKind.Object) throw keys.Wrong(name, "an object was expected");
            var rope = new Keys(keys.Element(name), keys.Source, name + ".");
            foreach (string kind in (string[])["rope_type", "type"])
            {
                if (rope.Text(kind) is { } type && type != "default") throw rope.Wrong(kind, "\"default\" was expected: this program knows no scaled RoPE");
            }
            inner ??= rope.Number("rope_theta");
        }
        if (top is { } one && inner is { } other && one != other) throw new ConfigurationException($"{keys.Source}: rope_theta is {one}, and within rope_parameters {other}; one number was expected");
        return inner ?? top ?? 10_000;
    }

    /// <summary>The keys of a JSON object; null values count as absent, but for <see cref="Knows"/>.</summary>
    private readonly struct Keys(JsonElement json, string source, string within)
    {
        public string Source => source;

        public bool Knows(string key) => json.TryGetProperty(key, out _);

        public bool Has(string key) => json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null;

        public JsonElement Element(string key) => json.GetProperty(key);

        public int Whole(string key) => !Has(key) ? throw Lacks(key, "a whole number")
            : Element(key) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out int number) ? number : throw Wrong(key, "a whole number was expected");

        public double? Number(string key) => !Has(key) ? null
            : Element(key) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double number) ? number : throw Wrong(key, "a number was expected");

        public string? Text(string key) => !Has(key) ? null : Element(key) is { ValueKind: JsonValueKind.String } value ? value.GetString() : throw Wrong(key, "a text was expected");

        public bool Flag(string key) => Has(key) && Element(key).ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => throw Wrong(key, "true or false was expected") };

        public ConfigurationException Wrong(string key, string expected) => new($"{source}: {within}{key} is {Quote.Text(Element(key).GetRawText())}; {expected}");

        public ConfigurationException Lacks(string key, string expected) => new($"{source}: lacks {within}{key}; {expected} was expected");
    }
}
