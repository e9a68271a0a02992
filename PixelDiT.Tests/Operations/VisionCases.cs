using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Vision;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Pictures.Resizing;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>What a teacher computes, forward only, and the loss that aligns tokens with it.</summary>
internal static class VisionCases
{
    public static IEnumerable<OperationCase> All =>
    [
        Norm([1, 1]), Norm([3, 5]), Norm([5, 17]), Norm([2, 3, 257]), Norm([3, 768]), Norm([2, 2100]),
        Mixed("one", 1, 1, 1, 1), Mixed("odd", 2, 5, 3, 17), Mixed("wide", 2, 9, 4, 257), Mixed("more", 1, 3, 17, 5),
        Unit([1, 1]), Unit([3, 5]), Unit([5, 17]), Unit([2, 3, 257]), Unit([2, 2100]),
        Cosine([1, 3], 1), Cosine([3, 5], 0), Cosine([5, 17], 1), Cosine([2, 3, 257], 0), Cosine([4500, 3], 1),
        Resized(1, 1, 1, 1, 1, 1), Resized(2, 3, 5, 7, 17, 3), Resized(1, 3, 16, 12, 14, 21), Resized(1, 2, 3, 33, 5, 257),
        Added(1, 0.5f), Added(5, -2), Added(257, 0.5f), Added(5000, 3)
    ];

    private static OperationCase Norm(Shape shape) => new($"layer_norm_{NormCases.Label(shape)}", typeof(LayerNorm))
    {
        Inputs = [Constant("x", shape), Constant("w", [shape[^1]]), Constant("b", [shape[^1]])],
        Forward = run =>
        {
            var y = run.Output(shape);
            LayerNorm.Forward(run.Tensor("x"), run.Tensor("w"), run.Tensor("b"), 1e-6f, y.Value);
            return y;
        },
        Oracle = at => Exact.LayerNorm(at["x"], at["w"], at["b"], 1e-6),
        ForwardTolerance = Tolerances.Row
    };

    /// <summary>A matrix whose rows have no, one and several entries.</summary>
    private static IReadOnlyList<(int Column, float Weight)>[] Matrix(int rows, int columns)
        => [.. Enumerable.Range(0, rows).Select(r => Enumerable.Range(0, r == 1 ? 0 : Math.Min(columns, 1 + r)).Select(k => ((r + (2 * k)) % columns, 0.25f + (0.5f * k) - (0.125f * r))).ToArray())];

    private static OperationCase Mixed(string name, int batch, int columns, int rows, int width) => new($"sparse_matmul_{name}", typeof(SparseMatMul), nameof(Alignment.SparseMatMul))
    {
        Inputs = [Single("x", [batch, columns, width])],
        Forward = run => run.Tape.SparseMatMul(run.Own(CsrMatrix.Create(run.Device, columns, Matrix(rows, columns))), run["x"]),
        Oracle = at => Exact.SparseMatMul(Matrix(rows, columns), at["x"], columns, width),
        ForwardTolerance = Tolerances.Row,
        GradientTolerance = Tolerances.Row
    };

    private static OperationCase Unit(Shape shape) => new($"l2_normalize_{NormCases.Label(shape)}", typeof(L2Normalize), nameof(Alignment.L2Normalize))
    {
        Inputs = [Single("x", shape) with { Vanishes = shape[^1] == 1 }],
        Forward = run => run.Tape.L2Normalize(run["x"]),
        Oracle = at => Exact.L2Normalize(at["x"], shape[^1]),
        ForwardTolerance = Tolerances.Row,
        GradientTolerance = Tolerances.Columns
    };

    private static OperationCase Cosine(Shape shape, float offset) => new($"cosine_loss_{NormCases.Label(shape)}", typeof(CosineLoss), nameof(Alignment.CosineLoss))
    {
        Inputs = [Single("u", shape) with { Shared = false }, Constant("z", shape)],
        Forward = run => run.Tape.CosineLoss(run["u"], run.Tensor("z"), offset),
        Oracle = at => [Exact.CosineLoss(at["u"], at["z"], shape[^1], offset)],
        ForwardTolerance = Tolerances.Columns,
        GradientTolerance = Tolerances.Columns
    };

    private static OperationCase Resized(int batch, int channels, int height, int width, int toHeight, int toWidth)
        => new($"bicubic_resize_{batch}x{channels}x{height}x{width}_to_{toHeight}x{toWidth}", typeof(BicubicResize))
        {
            Inputs = [Constant("x", [batch, channels, height, width]), Constant("factors", [channels]), Constant("offsets", [channels])],
            Forward = run =>
            {
                var y = run.Output([batch, channels, toHeight, toWidth]);
                BicubicResize.Forward(run.Tensor("x"), Places(run, height, toHeight), Places(run, width, toWidth), run.Tensor("factors"), run.Tensor("offsets"), y.Value);
                return y;
            },
            Oracle = at => Exact.BicubicResize(at["x"], height, width, toHeight, toWidth, at["factors"], at["offsets"]),
            ForwardTolerance = new(5e-6, "a reading position of up to 33 rounds to float32 by 2e-6, and the cubic's slope is at most 1.5")
        };

    private static (Tensor Places, Tensor Weights) Places(OperationRun run, int from, int to)
    {
        var (places, weights) = TorchBicubic.Places(from, to);
        return (run.Own(run.Device.Upload(places, [places.Length])), run.Own(run.Device.Upload(weights, [weights.Length])));
    }

    private static OperationCase Added(int count, float factor) => new($"add_scaled_{count}", typeof(Combine), nameof(Alignment.AddScaled))
    {
        Inputs = [Single("x", [count]), Single("z", [count])],
        Forward = run => run.Tape.AddScaled(run["x"], factor, run["z"]),
        Oracle = at => [.. at["x"].Zip(at["z"], (x, z) => x + (factor * z))],
        ForwardTolerance = Tolerances.Once,
        GradientTolerance = Tolerances.Once
    };
}
