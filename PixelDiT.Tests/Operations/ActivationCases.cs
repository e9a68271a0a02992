using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>Functions of single elements.</summary>
internal static class ActivationCases
{
    // 5000 elements are two of the chunks in which a range is cut.
    public static IEnumerable<OperationCase> All =>
    [
        .. new Shape[] { [1], [3], [5], [17], [257], [5000] }.SelectMany<Shape, OperationCase>(shape => [Gated(shape), Gaussian(shape)]),
        Shared("condition", [3, 17], [3, 17]), Shared("tokens", [2, 3, 17], [2, 17]), Shared("one", [1, 1], [1, 1]), Shared("wide", [2, 5, 257], [2, 1, 257]),
        Plain([5, 3]), Plain([1, 257]), Widened([3]), Widened([5, 17]), Widened([5000])
    ];

    private static OperationCase Gated(Shape shape) => new($"swiglu_{NormCases.Label(shape)}", typeof(SwiGlu), nameof(Differentiable.SwiGlu))
    {
        Inputs = [Activation("a", shape) with { Shared = false, Draw = Wide }, Activation("b", shape) with { Shared = false }],
        Forward = run => run.Tape.SwiGlu(run["a"], run["b"]),
        Oracle = at => Exact.SwiGlu(at["a"], at["b"]),
        ForwardTolerance = Tolerances.Formula,
        GradientTolerance = Tolerances.Formula,
        StorageTolerance = Tolerances.BFloat16
    };

    private static OperationCase Gaussian(Shape shape) => new($"gelu_{NormCases.Label(shape)}", typeof(Gelu), nameof(Differentiable.Gelu))
    {
        Inputs = [Activation("x", shape) with { Shared = false, Draw = Wide }],
        Forward = run => run.Tape.Gelu(run["x"]),
        Oracle = at => Exact.Gelu(at["x"]),
        ForwardTolerance = Tolerances.Formula,
        GradientTolerance = Tolerances.Formula,
        StorageTolerance = Tolerances.BFloat16
    };

    private static OperationCase Shared(string name, Shape shape, Shape shared) => new($"add_silu_{name}", typeof(AddSilu), nameof(Differentiable.AddSilu))
    {
        Inputs = [Activation("x", shape), Single("shared", shared)],
        Forward = run => run.Tape.AddSilu(run["x"], run["shared"]),
        Oracle = at => Exact.AddSilu(at["x"], at["shared"], shape.Rows / shared.Rows, shape[^1]),
        ForwardTolerance = Tolerances.Formula,
        GradientTolerance = Tolerances.Formula,
        StorageTolerance = Tolerances.BFloat16
    };

    private static OperationCase Plain(Shape shape) => new($"silu_{NormCases.Label(shape)}", typeof(AddSilu), nameof(Differentiable.AddSilu))
    {
        Inputs = [Activation("x", shape) with { Draw = Wide }],
        Forward = run => run.Tape.AddSilu(run["x"], null),
        Oracle = at => Exact.Silu(at["x"]),
        ForwardTolerance = Tolerances.Formula,
        GradientTolerance = Tolerances.Formula,
        StorageTolerance = Tolerances.BFloat16
    };

    // Where storage is float32 there is nothing to widen, so something comes before it.
    private static OperationCase Widened(Shape shape) => new($"widen_{NormCases.Label(shape)}", typeof(Widen), nameof(Differentiable.Widen))
    {
        Inputs = [Activation("x", shape) with { Draw = Wide }],
        Forward = run => run.Tape.Widen(run.Tape.AddSilu(run["x"], null)),
        Oracle = at => Exact.Silu(at["x"]),
        ForwardTolerance = Tolerances.Formula,
        GradientTolerance = Tolerances.Formula,
        StorageTolerance = Tolerances.BFloat16
    };

    private static double Wide(Random random) => 12 * random.NextDouble() - 6;
}
