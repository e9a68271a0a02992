namespace PixelDiT.Reference.Models;

/// <summary>What a model costs, from its sizes alone.</summary>
public static class ModelCost
{
    /// <summary>Floating-point operations of a forward, by SPEC §1's convention: 2·n·in·out for each Linear, 4·B·n²·C for each attention, nothing else.</summary>
    /// <param name="config">The sizes; of a text model with as many text tokens as it takes.</param>
    /// <param name="batch">B.</param>
    /// <param name="height">H in pixels, a multiple of the patch.</param>
    /// <param name="width">W in pixels, a multiple of the patch.</param>
    public static long ForwardFlops(ModelConfig config, int batch, int height, int width)
    {
        long b = batch, l = (long)(height / config.Patch) * (width / config.Patch), d = config.Hidden, p = config.PatchPixels, w = config.PixelHidden, a = config.PixelAttentionWidth;
        long tokens = b * l, pixels = tokens * p;
        long embedders = Linear(b, 256, d) + Linear(b, d, d) + Linear(tokens, config.Channels * p, d);
        long words = b * config.TextTokens, inner = config.FeedForward;
        long patchBlock = config.IsText
            ? (2 * Linear(b, d, 6 * d)) + Linear(tokens + words, d, 4 * d) + Scores(b, l + config.TextTokens, d) + (3 * Linear(tokens + words, d, inner))
            : Linear(b, d, 6 * d) + AttentionFlops(b, l, d) + (3 * Linear(tokens, d, inner));
        embedders += Linear(words, config.TextWidth, d);
        long patchLevel = embedders + (config.PatchDepth * patchBlock);
        if (!config.HasPixelLevel) return patchLevel + Linear(b, d, 2 * d) + Linear(tokens, d, config.Channels * p);
        long attended = config.PixelLevel == PixelLevelKind.NoCompaction ? l * p : l;
        long pixelBlock = Linear(tokens, d, config.PatchModulation) + (2 * Linear(b * attended, config.AttentionTokenValues, a)) + AttentionFlops(b, attended, a) + (2 * Linear(pixels, w, config.PixelMlp));
        return patchLevel + Linear(pixels, config.Channels, w) + (config.PixelDepth * pixelBlock) + Linear(pixels, w, config.Channels);
    }

    /// <summary>Trained numbers of a model.</summary>
    public static long Parameters(ModelConfig config)
    {
        long d = config.Hidden, p = config.PatchPixels, w = config.PixelHidden, a = config.PixelAttentionWidth, c = config.Channels;
        long embedders = Weights(c * p, d) + Weights(256, d) + Weights(d, d) + (config.IsText ? (config.TextTokens * d) + Weights(config.TextWidth, d) + d : (config.Classes + 1) * d);
        long patchBlock = (config.IsText ? 2 : 1) * ((2 * d) + AttentionWeights(d, config.Heads) + (3 * d * config.FeedForward) + Weights(d, 6 * d));
        long patchLevel = embedders + (config.PatchDepth * patchBlock);
        if (!config.HasPixelLevel) return patchLevel + d + Weights(d, c * p) + Weights(d, 2 * d);
        long values = config.AttentionTokenValues;
        long pixelBlock = (2 * w) + Weights(values, a) + Weights(a, values) + AttentionWeights(a, config.PixelAttentionHeads)
            + Weights(w, config.PixelMlp) + Weights(config.PixelMlp, w) + Weights(d, config.PatchModulation);
        return patchLevel + Weights(c, w) + w + Weights(w, c) + (config.PixelDepth * pixelBlock);
    }

    /// <summary>Tensors in a checkpoint: 12 + 12N + 17M of a class model, 15 + 24N + 17M of a text model; without a pixel level M is 0, and the head's modulation stands for the pixel embedder.</summary>
    public static int Tensors(ModelConfig config) => (config.IsText ? 15 + (24 * config.PatchDepth) : 12 + (12 * config.PatchDepth)) + (17 * config.PixelDepth);

    /// <summary>The released names and the shapes of a model's parameters, in the order of SPEC §3 and §6.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<long>> Shapes(ModelConfig config)
    {
        long d = config.Hidden, p = config.PatchPixels, w = config.PixelHidden, c = config.Channels;
        var shapes = new OrderedDictionary<string, IReadOnlyList<long>>(StringComparer.Ordinal);
        void Dense(string name, long inputs, long outputs)
        {
            shapes.Add($"{name}.weight", [outputs, inputs]);
            shapes.Add($"{name}.bias", [outputs]);
        }
        void Attention(string name, long width, long heads, string kind = "")
        {
            shapes.Add($"{name}.qkv{kind}.weight", [3 * width, width]);
            shapes.Add($"{name}.q_norm{kind}.weight", [width / heads]);
            shapes.Add($"{name}.k_norm{kind}.weight", [width / heads]);
            Dense($"{name}.proj{kind}", width, width);
        }
        void FeedForward(string name)
        {
            foreach (string gate in (string[])["w1", "w3"]) shapes.Add($"{name}.{gate}.weight", [config.FeedForward, d]);
            shapes.Add($"{name}.w2.weight", [d, config.FeedForward]);
        }

        if (config.HasPixelLevel) Dense("pixel_embedder.proj", c, w);
        Dense("s_embedder.proj", c * p, d);
        Dense("t_embedder.mlp.0", 256, d);
        Dense("t_embedder.mlp.2", d, d);
        if (config.IsText)
        {
            Dense("y_embedder.proj", config.TextWidth, d);
            shapes.Add("y_embedder.norm.weight", [d]);
            shapes.Add("y_pos_embedding", [1, config.TextTokens, d]);
        }
        else shapes.Add("y_embedder.embedding_table.weight", [config.Classes + 1, d]);
        shapes.Add("final_layer.norm.weight", [config.HasPixelLevel ? w : d]);
        Dense("final_layer.linear", config.HasPixelLevel ? w : d, config.HasPixelLevel ? c : c * p);
        if (!config.HasPixelLevel) Dense("final_layer.adaLN_modulation.0", d, 2 * d);
        for (int i = 0; i < config.PatchDepth; i++)
        {
            string block = $"patch_blocks.{i}";
            if (config.IsText)
            {
                // x is the image's stream, y the text's.
                foreach (string kind in (string[])["x", "y"])
                {
                    shapes.Add($"{block}.norm_{kind}1.weight", [d]);
                    Attention($"{block}.attn", d, config.Heads, $"_{kind}");
                    shapes.Add($"{block}.norm_{kind}2.weight", [d]);
                    FeedForward($"{block}.mlp_{kind}");
                    Dense($"{block}.adaLN_modulation_{(kind == "x" ? "img" : "txt")}.0", d, 6 * d);
                }
                continue;
            }
            shapes.Add($"{block}.norm1.weight", [d]);
            Attention($"{block}.attn", d, config.Heads);
            shapes.Add($"{block}.norm2.weight", [d]);
            FeedForward($"{block}.mlp");
            Dense($"{block}.adaLN_modulation.0", d, 6 * d);
        }
        for (int j = 0; j < config.PixelDepth; j++)
        {
            string block = $"pixel_blocks.{j}";
            long a = config.PixelAttentionWidth;
            Dense($"{block}.compress_to_attn", config.AttentionTokenValues, a);
            Dense($"{block}.expand_from_attn", a, config.AttentionTokenValues);
            shapes.Add($"{block}.norm1.weight", [w]);
            Attention($"{block}.attn", a, config.PixelAttentionHeads);
            shapes.Add($"{block}.norm2.weight", [w]);
            Dense($"{block}.mlp.fc1", w, config.PixelMlp);
            Dense($"{block}.mlp.fc2", config.PixelMlp, w);
            Dense($"{block}.adaLN_modulation.0", d, config.PatchModulation);
        }
        return shapes;
    }

    private static long Weights(long inputs, long outputs) => (inputs + 1) * outputs;

    private static long AttentionWeights(long width, long heads) => (3 * width * width) + (2 * (width / heads)) + Weights(width, width);

    private static long Linear(long rows, long inputs, long outputs) => 2 * rows * inputs * outputs;

    private static long AttentionFlops(long batch, long tokens, long width) => Linear(batch * tokens, width, 4 * width) + Scores(batch, tokens, width);

    private static long Scores(long batch, long tokens, long width) => 4 * batch * tokens * tokens * width;
}
