using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>The products of a Linear.</summary>
internal static class ProductCases
{
    // From 1024 steps in k on, sums of few tiles are cut into slices: in the forward with 1100 inputs, in dx with 1100 outputs, in dW with 1100 rows.
    public static IEnumerable<OperationCase> All =>
    [
        Linear("one", [1, 1], 1), Linear("odd", [3, 5], 17), Linear("odd_wide", [17, 257], 5), Linear("odd_out", [5, 17], 257), Linear("tokens", [2, 3, 4], 8),
        Linear("deep", [3, 1100], 5), Linear("far", [3, 5], 1100), Linear("tall", [1100, 5], 3), Linear("blocks", [70, 33], 300),
        Linear("without_bias", [5, 17], 3, bias: false), Linear("deep_without_bias", [3, 1100], 5, bias: false),
        Linear("reshaped", [2, 3, 4], 12, shape: [2, 3, 3, 2, 2]),
        // 64 rows are in work at once, 1024 are a segment of the weights' sums.
        Mlp("odd", [3, 5], 17, 3), Mlp("pixels", [5, 7, 16], 64, 16), Mlp("segments", [1100, 4], 9, 5),
        Gated("tokens", [2, 3, 8], 12, rowsPerModulation: 3), Gated("pixels", [5, 8], 4, rowsPerModulation: 1), Gated("odd", [3, 5], 7, rowsPerModulation: 3), SwiGlu("odd", [3, 5], 7), SwiGlu("tokens", [2, 3, 8], 20), Gaussian("odd", [3, 5], 17), Gaussian("pixels", [70, 16], 64),
        Unprepared("odd", 17, 5, 3), Unprepared("deep", 3, 1100, 5), Unprepared("blocks", 70, 33, 300)
    ];

    private static OperationCase Linear(string name, Shape x, int outputs, bool bias = true, Shape? shape = null)
    {
        int inputs = x[^1];
        Input[] always = [Activation("x", x), Parameter("w", [outputs, inputs])];
        return new($"linear_{name}", typeof(MatMul), nameof(Differentiable.Linear))
        {
            Inputs = bias ? [.. always, Parameter("b", [outputs])] : always,
            Forward = run => run.Tape.Linear(run["x"], run.Parameter("w"), bias ? run.Parameter("b") : null, shape),
            Oracle = at => Exact.Linear(at["x"], at["w"], bias ? at["b"] : null, inputs, outputs),
            ForwardTolerance = Tolerances.Product,
            GradientTolerance = Tolerances.Product,
            StorageTolerance = Tolerances.BFloat16
        };
    }

    private static OperationCase Mlp(string name, Shape x, int inner, int outputs) => new($"gelu_mlp_{name}", typeof(GeluMlp), nameof(Fused.GeluMlp))
    {
        Inputs = [Single("x", x), Parameter("w1", [inner, x[^1]]), Parameter("b1", [inner]), Parameter("w2", [outputs, inner]), Parameter("b2", [outputs])],
        Forward = run => run.Tape.GeluMlp(run["x"], run.Parameter("w1"), run.Parameter("b1"), run.Parameter("w2"), run.Parameter("b2")),
        Oracle = at => Exact.Linear(Exact.Gelu(Exact.Linear(at["x"], at["w1"], at["b1"], x[^1], inner)), at["w2"], at["b2"], inner, outputs),
        ForwardTolerance = Tolerances.Product,
        GradientTolerance = Tolerances.Product
    };

    private static OperationCase Gated(string name, Shape x, int outputs, int rowsPerModulation)
    {
        var shape = Shape.Create([.. x.Take(x.Rank - 1), outputs]);
        return new($"linear_gate_{name}", typeof(MatMulEpilogue), nameof(Fused.LinearGate))
        {
            Inputs = [Activation("x", x), Activation("s", shape), Single("m", [x.Rows / rowsPerModulation, outputs]).InParts(), Parameter("w", [outputs, x[^1]]), Parameter("b", [outputs])],
            Forward = run => run.Tape.LinearGate(run["x"], run.Parameter("w"), run.Parameter("b"), new(run["s"], Chunks.Of(run["m"], 1, rowsPerModulation), 0, "step")),
            Oracle = at => Exact.Gate(at["s"], Exact.Linear(at["x"], at["w"], at["b"], x[^1], outputs), at["m"], 0, 1, outputs, rowsPerModulation),
            ForwardTolerance = Tolerances.Product,
            GradientTolerance = Tolerances.Product,
            StorageTolerance = Tolerances.BFloat16Chain,
            UsesMemoryAgain = true
        };
    }

    private static OperationCase SwiGlu(string name, Shape x, int outputs) => new($"linear_swiglu_{name}", typeof(MatMulEpilogue), nameof(Fused.LinearSwiGlu))
    {
        Inputs = [Activation("x", x), Parameter("w1", [outputs, x[^1]]), Parameter("w3", [outputs, x[^1]])],
        Forward = run => run.Tape.LinearSwiGlu(run["x"], run.Parameter("w1"), run.Parameter("w3")),
        Oracle = at => Exact.SwiGlu(Exact.Linear(at["x"], at["w1"], null, x[^1], outputs), Exact.Linear(at["x"], at["w3"], null, x[^1], outputs)),
        ForwardTolerance = Tolerances.Product,
        GradientTolerance = Tolerances.Product,
        StorageTolerance = Tolerances.BFloat16Chain,
        UsesMemoryAgain = true
    };

    private static OperationCase Gaussian(string name, Shape x, int outputs) => new($"linear_gelu_{name}", typeof(MatMulEpilogue), nameof(Fused.LinearGelu))
    {
        Inputs = [Activation("x", x), Parameter("w", [outputs, x[^1]]), Parameter("b", [outputs])],
        Forward = run => run.Tape.LinearGelu(run["x"], run.Parameter("w"), run.Parameter("b")),
        Oracle = at => Exact.Gelu(Exact.Linear(at["x"], at["w"], at["b"], x[^1], outputs)),
        ForwardTolerance = Tolerances.Product,
        GradientTolerance = Tolerances.Product,
        StorageTolerance = Tolerances.BFloat16Chain,
        UsesMemoryAgain = true
    };

    /// <summary>The forward as a GPU runs it, from the weight as it is stored.</summary>
    private static OperationCase Unprepared(string name, int rows, int inputs, int outputs) => new($"linear_unprepared_{name}", typeof(MatMul))
    {
        Inputs = [Constant("x", [rows, inputs]), Constant("w", [outputs, inputs]), Constant("b", [outputs])],
        Forward = run =>
        {
            var y = run.Output([rows, outputs]);
            MatMul.Forward(run.Tensor("x"), run.Tensor("w"), null, run.Tensor("b"), y.Value);
            return y;
        },
        Oracle = at => Exact.Linear(at["x"], at["w"], at["b"], inputs, outputs),
        ForwardTolerance = Tolerances.Product
    };
}
