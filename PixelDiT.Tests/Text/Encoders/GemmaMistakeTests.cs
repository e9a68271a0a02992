using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>
/// Mistakes that a port makes, planted in the config or the weights, and what each costs: all lie far beyond the tolerance, so a golden run that passes has none of them.
/// </summary>
internal sealed class GemmaMistakeTests
{
    private const string Case = "gemma";

    private static readonly GemmaConfig s_config = GemmaGolden.Config(Case);

    private static readonly EncoderCases.Run s_run = GemmaGolden.Runs(Case)[0];

    private static double Error(GemmaConfig? config = null, double? cap = 50, Func<string, float[], float[]>? tensor = null, int[]? mask = null)
    {
        using var device = Device.Open("cpu", 2);
        using var encoder = new GemmaEncoder(device, config ?? s_config, new ChangedWeights(GemmaGolden.Weights(Case)) { Tensor = tensor }, new() { SoftCap = cap });
        return GemmaGolden.Error(encoder, Case, s_run, mask).Largest;
    }

    private static void IsSeen(double error, double atLeast)
    {
        TestContext.Out.WriteLine($"{error:e2}");
        Assert.That(error, Is.GreaterThan(atLeast));
        Assert.That(atLeast, Is.GreaterThan(10 * GemmaGolden.Tolerance));
    }

    [Test] public void None_is_none() => Assert.That(Error(), Is.LessThanOrEqualTo(GemmaGolden.Tolerance));

    [Test] public void The_heads_width_for_the_scalar() => IsSeen(Error(s_config with { QueryScalar = s_config.HeadWidth }), 1e-2);

    [Test] public void No_cap() => IsSeen(Error(cap: null), 1e-2);

    [Test] public void A_window_that_does_not_count_the_query() => IsSeen(Error(s_config with { Window = s_config.Window + 1 }), 0.1);

    [Test] public void Windows_in_the_other_layers() => IsSeen(Error(s_config with { Sliding = [.. s_config.Sliding.Select(slides => !slides)] }), 0.1);

    [Test] public void Padding_that_is_seen() => IsSeen(Error(mask: [.. Enumerable.Repeat(1, 33)]), 0.1);

    [Test] public void The_weight_for_one_plus_the_weight() => IsSeen(Error(tensor: (name, values) => name.Contains("norm") ? Array.ConvertAll(values, value => value - 1) : values), 0.1);

    // A turn of halves over channels that were first sorted into halves is a turn of neighbours.
    [Test]
    public void Neighbours_turned_instead_of_halves()
    {
        int hd = s_config.HeadWidth;
        IsSeen(Error(tensor: (name, values) => !name.Contains("q_proj") && !name.Contains("k_proj") ? values
            : MoveRows(values, row => (row / hd * hd) + (row % hd < hd / 2 ? 2 * (row % hd) : (2 * ((row % hd) - (hd / 2))) + 1))), 0.1);
    }

    // Heads of queries 1 and 2 in each other's place read the key heads that a tiled repetition would give them.
    [Test]
    public void Key_heads_repeated_as_a_whole()
    {
        int hd = s_config.HeadWidth;
        int Swapped(int channel) => (channel / hd) switch { 1 => channel + hd, 2 => channel - hd, _ => channel };
        IsSeen(Error(tensor: (name, values) => name.Contains("q_proj") ? MoveRows(values, Swapped) : name.Contains("o_proj") ? MoveColumns(values, s_config.Heads * hd, Swapped) : values), 0.1);
    }

    [Test]
    public void The_scale_of_embeddings_rounded_to_bfloat16()
    {
        float rounded = BFloat16.ToSingle(BFloat16.FromSingle(s_config.EmbeddingScale));
        Assert.That(rounded, Is.EqualTo(5.65625f));
        IsSeen(Error(tensor: (name, values) => name.Contains("embed") ? Array.ConvertAll(values, value => (float)(value * (double)rounded / s_config.EmbeddingScale)) : values), 1.5e-4);
    }

    [Test]
    public void Exact_GELU_in_the_gate()
    {
        using var weights = GemmaGolden.Weights(Case);
        using var golden = GemmaGolden.Forward(Case);
        double Distance(Func<double[], double[], double[]> gate)
        {
            var worst = (Largest: 0.0, MeanSquare: 0.0);
            double[] states = new ExactGemma(s_config, name => weights.ReadDoubles("model." + name)) { Gate = gate }.Encode(
                golden.WholeNumbers(s_run.Ids), golden.WholeNumbers(s_run.Mask!), 3, s_run.Cap, (stage, x) => worst = GemmaGolden.Worse(worst, GemmaGolden.Distance(golden, $"{s_run.Name}.hidden.{stage}", s_run, x)));
            return GemmaGolden.Worse(worst, GemmaGolden.Distance(golden, $"{s_run.Name}.out", s_run, states)).Largest;
        }
        Assert.That(Distance(Exact.GeGlu), Is.LessThanOrEqualTo(GemmaGolden.Tolerance));
        IsSeen(Distance((gate, up) => [.. Exact.Gelu(gate).Zip(up, (a, b) => a * b)]), 2e-4);
    }

    private static float[] MoveRows(float[] values, Func<int, int> from)
    {
        int width = s_config.Hidden;
        return [.. Enumerable.Range(0, values.Length).Select(i => values[(from(i / width) * width) + (i % width)])];
    }

    private static float[] MoveColumns(float[] values, int width, Func<int, int> from) => [.. Enumerable.Range(0, values.Length).Select(i => values[(i / width * width) + from(i % width)])];
}
