using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>What a text encoder computes: forward only, float32.</summary>
internal static class TextCases
{
    private const double Theta = 10_000;

    // A CPU takes 64 queries at a time: 65 and 130 end in a second and third tile, whose keys a window begins later.
    public static IEnumerable<OperationCase> All =>
    [
        Embedded(1, 1), Embedded(5, 17), Embedded(3, 257),
        Norm([1, 1], false), Norm([3, 5], true), Norm([5, 17], false), Norm([2, 257], true), Norm([2, 2304], true), Norm([1, 2, 2100], false),
        .. new Shape[] { [1], [5], [257], [5000] }.Select(Gated),
        Turned(1, 1, 1, 2), Turned(2, 5, 3, 12), Turned(1, 17, 2, 64), Turned(1, 3, 1, 256), Turned(1, 7, 2, 6),
        Attended(1, 1, 1, 1, 4), Attended(2, 5, 4, 2, 12, cap: 2, masked: true), Attended(1, 17, 4, 1, 16, window: 4), Attended(2, 9, 2, 2, 10, masked: true, window: 3),
        Attended(1, 65, 2, 1, 8, cap: 5, window: 64), Attended(1, 130, 2, 2, 12, window: 7, masked: true), Attended(1, 9, 2, 1, 256, cap: 50)
    ];

    private static OperationCase Embedded(int rows, int n)
    {
        int[] ids = [.. Enumerable.Range(0, rows).Select(i => i * 5 % 7)];
        return new($"scaled_embedding_{rows}x{n}", typeof(ScaledEmbedding))
        {
            Inputs = [Constant("table", [7, n]), Classes("ids", ids)],
            Forward = run =>
            {
                var y = run.Output([rows, n]);
                ScaledEmbedding.Forward(run.Tensor("table"), run.Tensor("ids"), 5.65625f, y.Value);
                return y;
            },
            Oracle = at => Exact.ScaledEmbedding(at["table"], at.Labels("ids"), 5.65625, n),
            ForwardTolerance = Tolerances.Once
        };
    }

    private static OperationCase Norm(Shape shape, bool residual) => new($"zero_centered_rms_norm_{NormCases.Label(shape)}", typeof(ZeroCenteredRmsNorm))
    {
        Inputs = residual ? [Constant("x", shape), Constant("w", [shape[^1]]), Constant("base", shape)] : [Constant("x", shape), Constant("w", [shape[^1]])],
        Forward = run =>
        {
            var y = run.Output(shape);
            ZeroCenteredRmsNorm.Forward(run.Tensor("x"), run.Tensor("w"), 1e-6f, residual ? run.Tensor("base") : null, y.Value);
            return y;
        },
        Oracle = at => Exact.ZeroCenteredRmsNorm(at["x"], at["w"], 1e-6f, residual ? at["base"] : null),
        ForwardTolerance = Tolerances.Row
    };

    private static OperationCase Gated(Shape shape) => new($"geglu_{NormCases.Label(shape)}", typeof(GeGlu))
    {
        Inputs = [Constant("a", shape) with { Draw = random => (12 * random.NextDouble()) - 6 }, Constant("b", shape)],
        Forward = run =>
        {
            var y = run.Output(shape);
            GeGlu.Forward(run.Tensor("a"), run.Tensor("b"), y.Value);
            return y;
        },
        Oracle = at => Exact.GeGlu(at["a"], at["b"]),
        ForwardTolerance = Tolerances.Formula
    };

    private static OperationCase Turned(int batch, int tokens, int heads, int width) => new($"rotate_halves_{batch}x{tokens}x{heads}x{width}", typeof(RotateHalves))
    {
        Inputs = [Constant("x", [batch, tokens, heads, width])],
        Forward = run =>
        {
            // Inputs stay as they are.
            var y = run.Output([batch, tokens, heads, width]);
            Combine.Forward(1, run.Tensor("x"), 0, run.Tensor("x"), y.Value);
            RotateHalves.Forward(y.Value, run.Own(SequenceRotaryTable.Create(run.Device, tokens, width, Theta)));
            return y;
        },
        Oracle = at => Exact.RotateHalves(at["x"], tokens, heads, width, Theta),
        ForwardTolerance = Tolerances.Rotation
    };

    private static OperationCase Attended(int batch, int tokens, int heads, int keyHeads, int width, double cap = 0, int window = 0, bool masked = false)
    {
        // Padding on the right of some texts, a hole in others, and with the first key masked a query that sees nothing.
        int[] mask = [.. Enumerable.Range(0, batch * tokens).Select(i => i % tokens == 0 && i > 0 ? 0 : i % tokens > 2 * tokens / 3 || i % 5 == 3 ? 0 : 1)];
        float scale = 1 / MathF.Sqrt(width + 1);
        Input[] inputs = [Constant("q", [batch, tokens, heads, width]) with { Draw = Strong }, Constant("kv", [batch, tokens, 2, keyHeads, width])];
        return new($"causal_attention_{batch}x{tokens}x{heads}x{keyHeads}x{width}", typeof(CausalAttention))
        {
            Inputs = masked ? [.. inputs, Classes("mask", mask)] : inputs,
            Forward = run =>
            {
                var y = run.Output([batch, tokens, heads, width]);
                // Keys and values lie in one tensor: views with strides.
                int row = keyHeads * width;
                HeadView k = new(run.Tensor("kv"), 0, (long)tokens * 2 * row, 2 * row, width), v = k with { Offset = row };
                CausalAttention.Forward(
                    HeadView.Of(run.Tensor("q")), k, v, masked ? run.Tensor("mask") : null, new(batch, tokens, heads, keyHeads, width), new(scale, (float)cap, window), HeadView.Of(y.Value));
                return y;
            },
            Oracle = at => Exact.CausalAttention(
                at["q"], Half(at["kv"], 0, keyHeads * width), Half(at["kv"], 1, keyHeads * width), masked ? at.Labels("mask") : null, tokens, heads, keyHeads, width, scale, cap > 0 ? cap : null, window),
            ForwardTolerance = Tolerances.Softmax
        };
    }

    private static double[] Half(double[] kv, int part, int row) => [.. kv.Chunk(row).Where((_, i) => i % 2 == part).SelectMany(values => values)];

    private static double Strong(Random random) => 4 * ((2 * random.NextDouble()) - 1);
}
