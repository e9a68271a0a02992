using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>RMSNorm and AdaLN's modulation, apart and in one pass.</summary>
internal static class NormCases
{
    public static IEnumerable<OperationCase> All =>
    [
        // On a GPU rows of 5 share groups by 64, those of 768 are three eights a lane, those of 2100 take two warps.
        Norm([1, 1]), Norm([3, 5]), Norm([5, 17]), Norm([2, 3, 257]), Norm([1100, 5]), Norm([3, 768]), Norm([2, 2100]),
        Modulated("tokens", [2, 3, 17], rowsPerModulation: 3), Modulated("pixels", [5, 8], rowsPerModulation: 1),
        Modulated("one", [1, 1], rowsPerModulation: 1), Modulated("wide", [2, 5, 257], rowsPerModulation: 5),
        Modulated("post", [3, 2, 8], rowsPerModulation: 1, residual: true), Modulated("post_tokens", [6, 5], rowsPerModulation: 3, residual: true),
        Gated("tokens", [2, 3, 17], rowsPerModulation: 3), Gated("pixels", [5, 8], rowsPerModulation: 1),
        Gated("one", [1, 1], rowsPerModulation: 1), Gated("wide", [2, 5, 257], rowsPerModulation: 5),
        NormModulated("tokens", [2, 3, 17], rowsPerModulation: 3), NormModulated("pixels", [5, 8], rowsPerModulation: 1),
        NormModulated("one", [1, 1], rowsPerModulation: 1), NormModulated("odd", [3, 5], rowsPerModulation: 1), NormModulated("many_pixels", [70, 16], rowsPerModulation: 1),
        NormModulated("wide", [2, 5, 257], rowsPerModulation: 5), NormModulated("tall", [1100, 5], rowsPerModulation: 1),
        Block
    ];

    private static OperationCase Norm(Shape shape) => new($"rms_norm_{Label(shape)}", typeof(RmsNorm), nameof(Differentiable.RmsNorm))
    {
        Inputs = [Activation("x", shape) with { Vanishes = shape[^1] == 1 }, Parameter("w", [shape[^1]])],
        Forward = run => run.Tape.RmsNorm(run["x"], run.Parameter("w")),
        Oracle = at => Exact.RmsNorm(at["x"], at["w"]),
        ForwardTolerance = Tolerances.Row,
        GradientTolerance = Tolerances.Columns,
        StorageTolerance = Tolerances.BFloat16
    };

    // A pixel's own modulation is stored as activations are; one that many rows share is float32.
    private static Input Modulations(string name, Shape shape, int rowsPerModulation) => (rowsPerModulation == 1 ? Activation(name, shape) : Single(name, shape)).InParts();

    private static OperationCase Modulated(string name, Shape shape, int rowsPerModulation, bool residual = false)
    {
        // Post-modulation has its scale before its shift.
        int n = shape[^1], shift = residual ? 1 : 0, scale = 1 - shift;
        Input[] inputs = [Activation("x", shape), Modulations("m", [shape.Rows / rowsPerModulation, 2 * n], rowsPerModulation)];
        return new($"modulate_{name}", typeof(Modulate), nameof(Differentiable.Modulate))
        {
            Inputs = residual ? [.. inputs, Activation("base", shape)] : inputs,
            Forward = run => run.Tape.Modulate(run["x"], Chunks.Of(run["m"], 2, rowsPerModulation), shift, scale, residual ? run["base"] : null),
            Oracle = at => residual
                ? Exact.AddModulated(at["base"], at["x"], at["m"], shift, scale, 2, n, rowsPerModulation)
                : Exact.Modulate(at["x"], at["m"], shift, scale, 2, n, rowsPerModulation),
            ForwardTolerance = Tolerances.Row,
            GradientTolerance = Tolerances.Row,
            StorageTolerance = Tolerances.BFloat16
        };
    }

    private static OperationCase Gated(string name, Shape shape, int rowsPerModulation) => new($"gate_{name}", typeof(Modulate), nameof(Differentiable.Gate))
    {
        Inputs = [Activation("base", shape), Activation("x", shape), Modulations("m", [shape.Rows / rowsPerModulation, shape[^1]], rowsPerModulation)],
        Forward = run => run.Tape.Gate(run["base"], run["x"], Chunks.Of(run["m"], 1, rowsPerModulation), 0),
        Oracle = at => Exact.Gate(at["base"], at["x"], at["m"], 0, 1, shape[^1], rowsPerModulation),
        ForwardTolerance = Tolerances.Row,
        GradientTolerance = Tolerances.Row,
        StorageTolerance = Tolerances.BFloat16
    };

    private static OperationCase NormModulated(string name, Shape shape, int rowsPerModulation)
        => new($"norm_modulate_{name}", typeof(NormModulate), nameof(Differentiable.NormModulate))
        {
            Inputs =
            [
                Activation("x", shape) with { Vanishes = shape[^1] == 1 }, Parameter("w", [shape[^1]]),
                Modulations("m", [shape.Rows / rowsPerModulation, 2 * shape[^1]], rowsPerModulation)
            ],
            Forward = run => run.Tape.NormModulate(run["x"], run.Parameter("w"), Chunks.Of(run["m"], 2, rowsPerModulation), 0, 1),
            Oracle = at => Exact.Modulate(Exact.RmsNorm(at["x"], at["w"]), at["m"], 0, 1, 2, shape[^1], rowsPerModulation),
            ForwardTolerance = Tolerances.Row,
            GradientTolerance = Tolerances.Columns,
            StorageTolerance = Tolerances.BFloat16
        };

    /// <summary>The six chunks of a block, each with its consumer, around two stand-ins for attention and feed-forward; s is read twice in each half.</summary>
    private static OperationCase Block => new("six_chunks", typeof(NormModulate), nameof(Differentiable.NormModulate))
    {
        Inputs = [Activation("s", [2, 3, 8]), Parameter("w1", [8]), Parameter("w2", [8]), Single("m", [2, 48]).InParts()],
        Forward = run =>
        {
            var m = Chunks.Of(run["m"], 6, rowsPerModulation: 3);
            var s = run.Tape.Gate(run["s"], run.Tape.NormModulate(run["s"], run.Parameter("w1"), m, 0, 1), m, 2);
            return run.Tape.Gate(s, run.Tape.NormModulate(s, run.Parameter("w2"), m, 3, 4), m, 5);
        },
        Oracle = at =>
        {
            double[] s = at["s"], m = at["m"];
            s = Exact.Gate(s, Exact.Modulate(Exact.RmsNorm(s, at["w1"]), m, 0, 1, 6, 8, 3), m, 2, 6, 8, 3);
            return Exact.Gate(s, Exact.Modulate(Exact.RmsNorm(s, at["w2"]), m, 3, 4, 6, 8, 3), m, 5, 6, 8, 3);
        },
        ForwardTolerance = Tolerances.Chain,
        GradientTolerance = Tolerances.Chain,
        StorageTolerance = Tolerances.BFloat16Chain
    };

    internal static string Label(Shape shape) => string.Join('x', shape);
}
