using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>The first patch block of the golden model as a port writes it, with or without RoPE: what docs/oracle/port.py does in Python.</summary>
internal static class PortWithFaults
{
    private const int D = 32, Heads = 4, HeadWidth = 8, Grid = 4, Tokens = Grid * Grid;

    /// <summary>The port's trace: its inputs and earlier stages from the golden one, its first patch block computed here.</summary>
    public static MemoryTrace PatchBlock(MemoryTrace golden, bool rotate)
    {
        static double[] W(string name) => GoldenTraces.Parameter($"patch_blocks.0.{name}");
        double[] s = golden.ReadDoubles("act.s_embedder"), c = Exact.Silu([.. golden.ReadDoubles("act.t_embedder").Zip(golden.ReadDoubles("act.y_embedder"), (t, y) => t + y)]);
        double[] modulation = Exact.Linear(c, W("adaLN_modulation.0.weight"), W("adaLN_modulation.0.bias"), D, 6 * D);
        double Part(int part, int i) => modulation[(i / (Tokens * D) * 6 * D) + (part * D) + (i % D)];
        double[] Modulated(double[] x, int shift, int scale) => [.. x.Select((value, i) => (value * (1 + Part(scale, i))) + Part(shift, i))];
        double[] Gated(double[] x, int gate, double[] update) => [.. x.Select((value, i) => value + (Part(gate, i) * update[i]))];

        double[] qkv = Exact.Linear(Modulated(Exact.RmsNorm(s, W("norm1.weight")), 0, 1), W("attn.qkv.weight"), null, D, 3 * D);
        double[] q = Exact.RmsNorm(Exact.Part(qkv, 0, D), W("attn.q_norm.weight")), k = Exact.RmsNorm(Exact.Part(qkv, 1, D), W("attn.k_norm.weight"));
        if (rotate)
        {
            Rotate(q);
            Rotate(k);
        }
        double[] heads = Exact.Attention(q, k, Exact.Part(qkv, 2, D), Tokens, Heads, HeadWidth);
        s = Gated(s, 2, Exact.Linear(heads, W("attn.proj.weight"), W("attn.proj.bias"), D, D));

        double[] m = Modulated(Exact.RmsNorm(s, W("norm2.weight")), 3, 4);
        int inner = W("mlp.w1.weight").Length / D;
        double[] hidden = [.. Exact.Silu(Exact.Linear(m, W("mlp.w1.weight"), null, D, inner)).Zip(Exact.Linear(m, W("mlp.w3.weight"), null, D, inner), (gate, value) => gate * value)];
        s = Gated(s, 5, Exact.Linear(hidden, W("mlp.w2.weight"), null, inner, D));
        return golden.Where(name => name.StartsWith("in.") || name is "act.t_embedder" or "act.y_embedder" or "act.s_embedder" or "act.patch_blocks.0").With("act.patch_blocks.0", _ => s);
    }

    private static void Rotate(double[] x)
    {
        for (int i = 0; i < x.Length; i += 2)
        {
            int token = i / D % Tokens, pair = i % HeadWidth / 2;
            double position = (pair % 2 == 0 ? token % Grid : token / Grid) * 16.0 / (Grid - 1), angle = position * Math.Pow(10000, -4.0 * (pair / 2) / HeadWidth);
            (x[i], x[i + 1]) = ((x[i] * Math.Cos(angle)) - (x[i + 1] * Math.Sin(angle)), (x[i] * Math.Sin(angle)) + (x[i + 1] * Math.Cos(angle)));
        }
    }
}
