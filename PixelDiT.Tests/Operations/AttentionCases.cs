using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>Queries and keys on their way to attention, attention, and both together.</summary>
internal static class AttentionCases
{
    // A tile of the forward has 64 queries: 65 and 130 end with rows of a second and third tile.
    public static IEnumerable<OperationCase> All =>
    [
        .. new[] { 0, 1 }.SelectMany<int, OperationCase>(part =>
        [
            Turned(1, 1, 1, 1, 4, part), Turned(2, 2, 3, 2, 8, part), Turned(1, 1, 5, 3, 12, part), Turned(1, 3, 1, 1, 20, part), Turned(1, 17, 3, 1, 64, part), Turned(1, 24, 23, 2, 4, part)
        ]),
        Attended(1, 1, 1, 4), Attended(2, 3, 2, 4), Attended(1, 5, 3, 8), Attended(2, 17, 1, 16), Attended(1, 5, 1, 20), Attended(1, 64, 1, 32),
        Attended(1, 65, 2, 12), Attended(1, 130, 1, 64), Attended(1, 17, 1, 72), Attended(1, 33, 1, 96),
        Together(2, 2, 3, 2, 8), Together(1, 1, 1, 1, 4)
    ];

    private static OperationCase Turned(int batch, int height, int width, int heads, int headWidth, int part)
    {
        int tokens = height * width, row = heads * headWidth;
        return new($"norm_rotate_{(part == 0 ? "q" : "k")}_{batch}x{height}x{width}x{heads}x{headWidth}", typeof(NormRotate), nameof(Differentiable.NormRotate))
        {
            Inputs = [Activation("qkv", [batch, tokens, 3, heads, headWidth]).InParts() with { Written = i => i / row % 3 == part }, Parameter("w", [headWidth])],
            Forward = run => run.Tape.NormRotate(run["qkv"], part, run.Parameter("w"), run.Own(RotaryTable.Create(run.Device, height, width, headWidth))),
            Oracle = at => Exact.NormRotate(at["qkv"], part, at["w"], Exact.RopeTable(headWidth, height, width), tokens, heads, headWidth),
            ForwardTolerance = Tolerances.Rotation,
            GradientTolerance = Tolerances.Rotation,
            StorageTolerance = Tolerances.BFloat16
        };
    }

    private static OperationCase Attended(int batch, int tokens, int heads, int headWidth)
    {
        int row = heads * headWidth;
        return new($"attention_{batch}x{tokens}x{heads}x{headWidth}", typeof(Attention), nameof(Differentiable.Attention))
        {
            // A softmax over one token is 1 whatever the score.
            Inputs =
            [
                Activation("q", [batch, tokens, heads, headWidth]) with { Shared = false, Vanishes = tokens == 1 },
                Activation("k", [batch, tokens, heads, headWidth]) with { Shared = false, Vanishes = tokens == 1 },
                Activation("qkv", [batch, tokens, 3, heads, headWidth]).InParts() with { Written = i => i / row % 3 == 2 }
            ],
            Forward = run => run.Tape.Attention(run["q"], run["k"], run["qkv"]),
            Oracle = at => Exact.Attention(at["q"], at["k"], Exact.Part(at["qkv"], 2, row), tokens, heads, headWidth),
            ForwardTolerance = Tolerances.Softmax,
            GradientTolerance = Tolerances.Softmax,
            StorageTolerance = Tolerances.BFloat16Chain
        };
    }

    private static OperationCase Together(int batch, int height, int width, int heads, int headWidth)
    {
        int tokens = height * width, row = heads * headWidth;
        return new($"rotary_attention_{batch}x{height}x{width}x{heads}x{headWidth}", typeof(Attention), nameof(Differentiable.Attention))
        {
            Inputs =
            [
                Activation("qkv", [batch, tokens, 3, heads, headWidth]).InParts(),
                Parameter("q_norm", [headWidth]) with { Vanishes = tokens == 1 }, Parameter("k_norm", [headWidth]) with { Vanishes = tokens == 1 }
            ],
            Forward = run =>
            {
                var table = run.Own(RotaryTable.Create(run.Device, height, width, headWidth));
                var q = run.Tape.NormRotate(run["qkv"], 0, run.Parameter("q_norm"), table);
                var k = run.Tape.NormRotate(run["qkv"], 1, run.Parameter("k_norm"), table);
                return run.Tape.Attention(q, k, run["qkv"]);
            },
            Oracle = at =>
            {
                double[] table = Exact.RopeTable(headWidth, height, width);
                double[] q = Exact.NormRotate(at["qkv"], 0, at["q_norm"], table, tokens, heads, headWidth);
                double[] k = Exact.NormRotate(at["qkv"], 1, at["k_norm"], table, tokens, heads, headWidth);
                return Exact.Attention(q, k, Exact.Part(at["qkv"], 2, row), tokens, heads, headWidth);
            },
            ForwardTolerance = Tolerances.Chain,
            GradientTolerance = Tolerances.Chain,
            StorageTolerance = Tolerances.BFloat16Chain
        };
    }
}
