using System.Text.Json.Nodes;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>config.json in its older and newer forms, and what is refused by name.</summary>
internal sealed class GemmaConfigTests
{
    // The keys of the released file that matter, and some that do not.
    private const string Released = """
        {"architectures": ["Gemma2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "attn_logit_softcapping": 50.0, "bos_token_id": 2, "cache_implementation": "hybrid",
         "eos_token_id": [1, 107], "final_logit_softcapping": 30.0, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304,
         "initializer_range": 0.02, "intermediate_size": 9216, "max_position_embeddings": 8192, "model_type": "gemma2", "num_attention_heads": 8, "num_hidden_layers": 26,
         "num_key_value_heads": 4, "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 4096, "torch_dtype": "bfloat16",
         "use_cache": true, "vocab_size": 256000}
        """;

    private static GemmaConfig Parse(Action<JsonObject> change)
    {
        var json = JsonNode.Parse(Released)!.AsObject();
        change(json);
        return GemmaConfigFile.Parse(json.ToJsonString(), "config.json");
    }

    private static string Refusal(Action<JsonObject> change) => Assert.Throws<ConfigurationException>(() => Parse(change))!.Message;

    [Test]
    public void The_released_file_is_Gemma_2_2B()
    {
        var config = Parse(_ => { });
        Assert.That(config.Sliding, Is.EqualTo(GemmaConfig.Gemma2B.Sliding));
        Assert.That(config with { Sliding = GemmaConfig.Gemma2B.Sliding }, Is.EqualTo(GemmaConfig.Gemma2B));
        Assert.That((config.Scale, config.EmbeddingScale), Is.EqualTo((0.0625, 48f)));
        Assert.That(GemmaWeights.Shapes(config).Count(), Is.EqualTo(288));
        Assert.That(GemmaWeights.Shapes(config).Sum(entry => entry.Shape.Count), Is.EqualTo(2_614_341_888));
    }

    [Test]
    public void The_newer_form_says_the_same()
    {
        var config = Parse(json =>
        {
            json.Remove("rope_theta");
            json["rope_parameters"] = new JsonObject { ["rope_theta"] = 20000.0, ["rope_type"] = "default" };
            json["layer_types"] = new JsonArray([.. Enumerable.Range(0, 26).Select(i => (JsonNode)(i % 3 == 1 ? "sliding_attention" : "full_attention"))]);
        });
        Assert.That(config.RopeTheta, Is.EqualTo(20000));
        Assert.That(config.Sliding, Is.EqualTo(Enumerable.Range(0, 26).Select(i => i % 3 == 1)));
    }

    [Test]
    public void Null_is_no_cap_and_absent_constants_have_their_defaults()
    {
        var config = Parse(json =>
        {
            json["attn_logit_softcapping"] = null;
            json["rope_scaling"] = null;
            json.Remove("rope_theta");
            json.Remove("rms_norm_eps");
            json.Remove("hidden_activation");
        });
        Assert.That((config.TrainedSoftCap, config.RopeTheta, config.NormEpsilon), Is.EqualTo(((double?)null, 10_000.0, 1e-6)));
    }

    [TestCase("vocab_size")]
    [TestCase("hidden_size")]
    [TestCase("intermediate_size")]
    [TestCase("num_hidden_layers")]
    [TestCase("num_attention_heads")]
    [TestCase("num_key_value_heads")]
    [TestCase("head_dim")]
    [TestCase("query_pre_attn_scalar")]
    [TestCase("sliding_window")]
    [TestCase("attn_logit_softcapping")]
    public void A_missing_key_is_named(string key) => Assert.That(Refusal(json => json.Remove(key)), Does.StartWith($"config.json: lacks {key}; a "));

    [TestCase("vocab_size", "0", "vocab_size is 0; 1 to 4194304 was expected")]
    [TestCase("hidden_size", "2304.5", "hidden_size is \"2304.5\"; a whole number was expected")]
    [TestCase("hidden_size", "\"2304\"", "hidden_size is \"\"2304\"\"; a whole number was expected")]
    [TestCase("num_hidden_layers", "1000000000", "num_hidden_layers is \"1000000000\"; 1 to 1024 was expected")]
    [TestCase("num_key_value_heads", "3", "num_attention_heads is 8 and num_key_value_heads 3; the second must divide the first")]
    [TestCase("head_dim", "255", "head_dim is 255; an even number was expected")]
    [TestCase("head_dim", "131072", "head_dim is 131072; 2 to 4096 was expected")]
    [TestCase("query_pre_attn_scalar", "0", "query_pre_attn_scalar is 0; a number above 0 was expected")]
    [TestCase("query_pre_attn_scalar", "1e400", "query_pre_attn_scalar is")]
    [TestCase("attn_logit_softcapping", "-50", "attn_logit_softcapping is -50; a number above 0 was expected")]
    [TestCase("rope_theta", "1e-60", "rope_theta is 1E-60; a number above 0 was expected")]
    [TestCase("rms_norm_eps", "true", "rms_norm_eps is \"true\"; a number was expected")]
    [TestCase("sliding_window", "null", "lacks sliding_window; a whole number was expected")]
    [TestCase("model_type", "\"gemma3\"", "model_type is \"\"gemma3\"\"; \"gemma2\" was expected")]
    [TestCase("hidden_activation", "\"gelu\"", "hidden_activation is \"\"gelu\"\"; \"gelu_pytorch_tanh\" was expected")]
    [TestCase("attention_bias", "true", "attention_bias is \"true\"; false was expected")]
    [TestCase("use_bidirectional_attention", "true", "use_bidirectional_attention is \"true\"; false was expected")]
    [TestCase("quantization_config", "{}", "quantization_config is \"{}\"; weights that are not quantized were expected")]
    [TestCase("rope_scaling", "{\"rope_type\":\"linear\",\"factor\":2}", "rope_scaling.rope_type is \"\"linear\"\"; \"default\" was expected")]
    [TestCase("rope_parameters", "[]", "rope_parameters is \"[]\"; an object was expected")]
    [TestCase("rope_parameters", "{\"rope_theta\":5}", "rope_theta is 10000, and within rope_parameters 5; one number was expected")]
    [TestCase("layer_types", "[\"full_attention\"]", "a list of 26 was expected")]
    public void A_wrong_value_is_named(string key, string value, string message) => Assert.That(Refusal(json => json[key] = JsonNode.Parse(value)), Does.Contain(message));

    [Test]
    public void A_layer_of_another_kind_is_refused()
        => Assert.That(Refusal(json => json["layer_types"] = new JsonArray([.. Enumerable.Range(0, 26).Select(i => (JsonNode)(i == 3 ? "linear_attention" : "full_attention"))])), Does.Contain("\"sliding_attention\" or \"full_attention\" was expected"));

    [TestCase("")]
    [TestCase("{")]
    [TestCase("{}x")]
    [TestCase("[1, 2]")]
    [TestCase("null")]
    [TestCase("{\"vocab_size\": 1}")]
    public void What_is_no_config_is_refused(string json) => Assert.That(() => GemmaConfigFile.Parse(json, "config.json"), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith("config.json: "));

    [Test]
    public void Deep_nesting_is_refused() => Assert.That(() => GemmaConfigFile.Parse(new string('[', 100_000), "config.json"), Throws.TypeOf<ConfigurationException>());

    [Test]
    public void A_file_is_read_and_one_too_large_or_absent_refused()
    {
        using var folder = new TemporaryFolder();
        Assert.That(GemmaConfigFile.Read(folder.Write("config.json", [0xEF, 0xBB, 0xBF, .. System.Text.Encoding.UTF8.GetBytes(Released)])).Layers, Is.EqualTo(26));
        Assert.That(() => GemmaConfigFile.Read(folder.Write("large.json", new byte[(1 << 20) + 1])), Throws.TypeOf<FileFormatException>().With.Message.Contains("has 1048577 bytes"));
        Assert.That(() => GemmaConfigFile.Read(Path.Combine(folder.Path, "none.json")), Throws.TypeOf<FileFormatException>().With.Message.Contains("there is no such file"));
    }
}
