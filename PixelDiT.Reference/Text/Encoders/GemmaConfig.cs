using PixelDiT.Kernels;

namespace PixelDiT.Reference.Text.Encoders;

/// <summary>The sizes and constants of a Gemma-2 decoder, as its <c>config.json</c> has them.</summary>
public sealed record GemmaConfig
{
    private const int MostVocabulary = 1 << 22, MostWidth = 1 << 17, MostLayers = 1 << 10, MostHeads = 1 << 10, MostHeadWidth = 1 << 12, MostTokens = 1 << 24;

    /// <summary>V, rows of the embedding (vocab_size).</summary>
    public required int Vocabulary { get; init; }

    /// <summary>C, the width of a state (hidden_size).</summary>
    public required int Hidden { get; init; }

    /// <summary>F, the width inside the feed-forward (intermediate_size).</summary>
    public required int Intermediate { get; init; }

    /// <summary>h, heads of queries (num_attention_heads).</summary>
    public required int Heads { get; init; }

    /// <summary>kv, heads of keys and values (num_key_value_heads); divides h.</summary>
    public required int KeyHeads { get; init; }

    /// <summary>hd, channels of a head (head_dim), even; h·hd need not be C.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>q·k is multiplied by this to the power of −1/2 (query_pre_attn_scalar); above 0, and not always hd.</summary>
    public required double QueryScalar { get; init; }

    /// <summary>The last tokens that a query of a sliding layer sees, itself counted (sliding_window).</summary>
    public required int Window { get; init; }

    /// <summary>Of each layer, whether it sees the window only: every other one from the first on, or what layer_types says.</summary>
    public required IReadOnlyList<bool> Sliding { get; init; }

    /// <summary>c of the cap c·tanh(s/c) that the model was trained with (attn_logit_softcapping), or null; what a run uses is <see cref="GemmaOptions.SoftCap"/>.</summary>
    public double? TrainedSoftCap { get; init; }

    /// <summary>θ of RoPE (rope_theta).</summary>
    public double RopeTheta { get; init; } = 10_000;

    /// <summary>ε of the norms (rms_norm_eps).</summary>
    public double NormEpsilon { get; init; } = 1e-6;

    /// <summary>Layers (num_hidden_layers).</summary>
    public int Layers => Sliding.Count;

    /// <summary>What scores are multiplied by.</summary>
    public double Scale => 1 / Math.Sqrt(QueryScalar);

    /// <summary>√C, which embeddings are multiplied by.</summary>
    public float EmbeddingScale => (float)Math.Sqrt(Hidden);

    /// <summary>Gemma-2-2B, whose text states PixelDiT was trained with: 2,614,341,888 parameters.</summary>
    public static GemmaConfig Gemma2B { get; } = new()
    {
        Vocabulary = 256_000,
        Hidden = 2304,
        Intermediate = 9216,
        Heads = 8,
        KeyHeads = 4,
        HeadWidth = 256,
        QueryScalar = 256,
        Window = 4096,
        Sliding = Alternating(26),
        TrainedSoftCap = 50
    };

    /// <summary>Layers 0, 2, 4, … slide, the others see everything before them.</summary>
    internal static bool[] Alternating(int layers) => [.. Enumerable.Range(0, layers).Select(layer => layer % 2 == 0)];

    /// <summary>Checks ranges and what must divide what.</summary>
    /// <exception cref="ConfigurationException">A size is out of range; the message names the key of config.json, what it is and what was expected.</exception>
    internal void Validate(string source)
    {
        Check("vocab_size", Vocabulary, 1, MostVocabulary);
        Check("hidden_size", Hidden, 1, MostWidth);
        Check("intermediate_size", Intermediate, 1, MostWidth);
        Check("num_hidden_layers", Layers, 1, MostLayers);
        Check("num_attention_heads", Heads, 1, MostHeads);
        Check("num_key_value_heads", KeyHeads, 1, MostHeads);
        Check("head_dim", HeadWidth, 2, Math.Min(MostHeadWidth, MostWidth / Heads));
        Check("sliding_window", Window, 1, MostTokens);
        if (HeadWidth % 2 != 0) throw new ConfigurationException($"{source}: head_dim is {HeadWidth}; an even number was expected, because RoPE turns one half of a head against the other");
        if (Heads % KeyHeads != 0) throw new ConfigurationException($"{source}: num_attention_heads is {Heads} and num_key_value_heads {KeyHeads}; the second must divide the first");
        Positive("query_pre_attn_scalar", QueryScalar);
        Positive("rope_theta", RopeTheta);
        Positive("rms_norm_eps", NormEpsilon);
        if (TrainedSoftCap is { } cap) Positive("attn_logit_softcapping", cap);

        void Check(string key, int value, int least, int most)
        {
            if (value < least || value > most) throw new ConfigurationException($"{source}: {key} is {value}; {least} to {most} was expected");
        }
        void Positive(string key, double value)
        {
            // As float32 numbers, which kernels take.
            if (!((float)value > 0) || !float.IsFinite((float)value)) throw new ConfigurationException($"{source}: {key} is {value}; a number above 0 was expected");
        }
    }
}
