using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Reference.Oracle;

/// <summary>The text encoder in double precision, from <see cref="Exact"/>'s operations: small models only.</summary>
/// <param name="config">What the model is.</param>
/// <param name="weight">A weight by its name in the file without what precedes <c>embed_tokens</c> and <c>layers</c>.</param>
public sealed class ExactGemma(GemmaConfig config, Func<string, double[]> weight)
{
    /// <summary>The gate of the feed-forward; another one than Gemma's shows what a port loses that takes it.</summary>
    public Func<double[], double[], double[]> Gate { get; init; } = Exact.GeGlu;

    /// <summary>The states after the last norm.</summary>
    /// <param name="ids">[B, L]</param>
    /// <param name="mask">[B, L], 0 for padding; null for none</param>
    /// <param name="texts">B</param>
    /// <param name="cap">The soft cap of attention scores, or null</param>
    /// <param name="observe">Given the scaled embedding as 0, and what left layer i as i + 1.</param>
    /// <returns>[B, L, C]</returns>
    /// <exception cref="Kernels.ShapeException">A length does not fit.</exception>
    public double[] Encode(int[] ids, int[]? mask, int texts, double? cap, Action<int, double[]>? observe = null)
    {
        int c = config.Hidden, tokens = ids.Length / texts;
        double[] x = Exact.ScaledEmbedding(weight("embed_tokens.weight"), ids, Math.Sqrt(c), c);
        observe?.Invoke(0, x);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            string at = $"layers.{layer}.";
            double[] y = Attention(at, Norm(x, at + "input_layernorm"), mask, tokens, cap, config.Sliding[layer] ? config.Window : 0);
            x = Norm(y, at + "post_attention_layernorm", x);
            y = Norm(x, at + "pre_feedforward_layernorm");
            y = Linear(Gate(Linear(y, at + "mlp.gate_proj", c), Linear(y, at + "mlp.up_proj", c)), at + "mlp.down_proj", config.Intermediate);
            x = Norm(y, at + "post_feedforward_layernorm", x);
            observe?.Invoke(layer + 1, x);
        }
        return Norm(x, "norm");
    }

    private double[] Attention(string at, double[] x, int[]? mask, int tokens, double? cap, int window)
    {
        double[] q = Linear(x, at + "self_attn.q_proj", config.Hidden), k = Linear(x, at + "self_attn.k_proj", config.Hidden), v = Linear(x, at + "self_attn.v_proj", config.Hidden);
        q = Exact.RotateHalves(q, tokens, config.Heads, config.HeadWidth, config.RopeTheta);
        k = Exact.RotateHalves(k, tokens, config.KeyHeads, config.HeadWidth, config.RopeTheta);
        double[] o = Exact.CausalAttention(q, k, v, mask, tokens, config.Heads, config.KeyHeads, config.HeadWidth, config.Scale, cap, window);
        return Linear(o, at + "self_attn.o_proj", config.Heads * config.HeadWidth);
    }

    private double[] Norm(double[] x, string name, double[]? residual = null) => Exact.ZeroCenteredRmsNorm(x, weight(name + ".weight"), config.NormEpsilon, residual);

    private double[] Linear(double[] x, string name, int inputs)
    {
        double[] w = weight(name + ".weight");
        return Exact.Linear(x, w, null, inputs, w.Length / inputs);
    }
}
