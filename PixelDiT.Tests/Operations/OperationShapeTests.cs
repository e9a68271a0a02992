using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Convolutions;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Operations;

/// <summary>Tensors that do not fit each other are refused before a kernel could read or write beyond them.</summary>
internal sealed class OperationShapeTests
{
    /// <summary>Tensors by their shapes.</summary>
    private delegate Tensor Make(params int[] shape);

    private static readonly TestCaseData[] s_misfits =
    [
        Misfit("linear_input", "rows of 4", x => MatMul.Forward(x(2, 3), x(5, 4), null, null, x(2, 5))),
        Misfit("linear_output", "rows of 5", x => MatMul.Forward(x(2, 4), x(5, 4), null, null, x(2, 6))),
        Misfit("linear_rows", "y [3, 5] has 3 rows", x => MatMul.Forward(x(2, 4), x(5, 4), null, null, x(3, 5))),
        Misfit("linear_bias", "a bias [4]", x => MatMul.Forward(x(2, 4), x(5, 4), null, x(4), x(2, 5))),
        Misfit("linear_dx", "2 rows of 4", x => MatMul.BackwardInput(x(2, 5), x(5, 4), x(3, 4), accumulate: false)),
        Misfit("norm_weight", "the weight of a norm [3]", x => RmsNorm.Forward(x(2, 4), x(3), x(2, 4), x(2))),
        Misfit("norm_output", "[2, 4] and [2, 5]", x => RmsNorm.Forward(x(2, 4), x(4), x(2, 5), x(2))),
        Misfit("modulation_rows", "[1, 8] of 2 chunks, each row for 1 rows", x => Modulate.Forward(x(2, 4), null, new(x(1, 8), 2, 1), 0, 1, x(2, 4))),
        Misfit("modulation_chunk", "chunk 2", x => Modulate.Forward(x(2, 4), null, new(x(2, 8), 2, 1), 0, 2, x(2, 4))),
        Misfit("modulation_base", "[2, 4] and [4]", x => Modulate.ForwardGate(x(2, 4), x(4), new(x(2, 4), 1, 1), 0, x(2, 4))),
        Misfit("norm_modulate", "each row for 3 rows", x => NormModulate.Forward(x(2, 4), x(4), new(x(1, 8), 2, 3), 0, 1, x(2, 4), x(2))),
        Misfit("swiglu", "[2, 4] and [2, 3]", x => SwiGlu.Forward(x(2, 4), x(2, 3), x(2, 4))),
        Misfit("gelu", "[2, 4] and [2, 3]", x => Gelu.Forward(x(2, 4), x(2, 3))),
        Misfit("add_silu", "the shared vector [3]", x => AddSilu.Forward(x(2, 4), x(3), 2, x(2, 4))),
        Misfit("qkv", "[2, 3, 2, 1, 4]", x => NormRotate.Forward(x(2, 3, 2, 1, 4), 0, x(4), Rotary(x), x(2, 3, 1, 4), x(2, 3, 1))),
        Misfit("rotary_table", "a rotary table [3, 4]", x => NormRotate.Forward(x(2, 5, 3, 1, 4), 0, x(4), Rotary(x), x(2, 5, 1, 4), x(2, 5, 1))),
        Misfit("keys", "keys [1, 2, 1, 4]", x => Attention.Forward(HeadView.Of(x(1, 3, 1, 4)), HeadView.Of(x(1, 2, 1, 4)), HeadView.Of(x(1, 3, 1, 4)), new(1, 3, 1, 4), HeadView.Of(x(1, 3, 1, 4)), x(1, 1, 3))),
        Misfit("head_width", "6 channels", x => RotaryTable.Create(x(1).Device, 1, 1, 6)),
        Misfit("patches", "4×3", x => Patches.ToPatches(x(1, 1, 4, 3), 2, x(1, 3, 4))),
        Misfit("patches_rank", "[B, C, H, W]", x => Patches.ToPatches(x(4, 4), 2, x(4, 4))),
        Misfit("pixels", "differ in count", x => Patches.ToPixels(x(1, 1, 4, 4), 2, x(4, 3, 1))),
        Misfit("positions", "positions [3, 4]", x => AddPositions.Forward(x(4, 4), x(3, 4), x(4, 4))),
        Misfit("embedding", "the rows of a table [3, 4]", x => Embedding.Forward(x(5, 4), x(2), x(3, 4))),
        Misfit("timestep", "a timestep embedding [2, 255]", x => TimestepEmbedding.Forward(x(2), x(128), x(2, 255))),
        Misfit("loss", "[4] and [3]", x => MeanSquaredError.Forward(x(4), x(3), x(1))),
        Misfit("levels", "sigma [3]", x => FlowPath.Forward(x(2, 4), x(2, 4), x(2), x(3), x(2, 4), x(2, 4))),
        Misfit("path", "t [3]", x => FlowPath.Forward(x(2, 4), x(2, 4), x(3), x(2, 4), x(2, 4))),
        Misfit("combine", "[4] and [3]", x => Combine.Forward(1, x(4), 1, x(3), x(4))),
        Misfit("accumulate", "[4] and [3]", x => Accumulate.Forward(x(4), x(3))),
        Misfit("scaled_embedding", "the rows of a table [3, 4]", x => ScaledEmbedding.Forward(x(5, 4), x(2), 1, x(3, 4))),
        Misfit("zero_centered_norm", "the weight of a norm [3]", x => ZeroCenteredRmsNorm.Forward(x(2, 4), x(3), 1e-6f, null, x(2, 4))),
        Misfit("zero_centered_residual", "[2, 4] and [4]", x => ZeroCenteredRmsNorm.Forward(x(2, 4), x(4), 1e-6f, x(4), x(2, 4))),
        Misfit("geglu", "[2, 4] and [2, 3]", x => GeGlu.Forward(x(2, 4), x(2, 3), x(2, 4))),
        Misfit("sequence_table", "5 tokens; the rotary table has 3", x => RotateHalves.Forward(x(1, 5, 2, 6), Sequence(x))),
        Misfit("sequence_head", "[B, L, heads, 6]", x => RotateHalves.Forward(x(1, 3, 2, 4), Sequence(x))),
        Misfit("odd_head", "7 channels", x => SequenceRotaryTable.Create(x(1).Device, 3, 7, 10_000)),
        Misfit("grouped_keys", "keys [1, 3, 1, 4]", x => CausalAttention.Forward(HeadView.Of(x(1, 3, 4, 4)), HeadView.Of(x(1, 3, 1, 4)), HeadView.Of(x(1, 3, 2, 4)), null, new(1, 3, 4, 2, 4), new(1), HeadView.Of(x(1, 3, 4, 4)))),
        Misfit("shared_keys", "4 heads of queries cannot share 3", x => CausalAttention.Forward(HeadView.Of(x(1, 3, 4, 4)), HeadView.Of(x(1, 3, 3, 4)), HeadView.Of(x(1, 3, 3, 4)), null, new(1, 3, 4, 3, 4), new(1), HeadView.Of(x(1, 3, 4, 4)))),
        Misfit("mask", "a mask [2]", x => CausalAttention.Forward(HeadView.Of(x(1, 3, 1, 4)), HeadView.Of(x(1, 3, 1, 4)), HeadView.Of(x(1, 3, 1, 4)), x(2), new(1, 3, 1, 1, 4), new(1), HeadView.Of(x(1, 3, 1, 4)))),
        Misfit("negative_cap", "cap -1", x => CausalAttention.Forward(HeadView.Of(x(1, 3, 1, 4)), HeadView.Of(x(1, 3, 1, 4)), HeadView.Of(x(1, 3, 1, 4)), null, new(1, 3, 1, 1, 4), new(1, -1), HeadView.Of(x(1, 3, 1, 4)))),
        Misfit("window_rank", "[B, H, W, C]", x => Pooling.Maximum(x(4, 4), new(2, 2), x(4, 4))),
        Misfit("window_padding", "padding below the sides", x => Pooling.Maximum(x(1, 4, 4, 1), new(2, 2, 1, 2, 0), x(1, 7, 3, 1))),
        Misfit("window_size", "does not fit into an image [1, 4, 4, 1]", x => Pooling.Average(x(1, 4, 4, 1), new(5, 1), x(1, 1, 4, 1))),
        Misfit("pooled", "gives [1, 3, 3, 2]", x => Pooling.Average(x(1, 4, 4, 2), new(2, 2), x(1, 4, 4, 2))),
        Misfit("pooled_channels", "channels 1 to 3", x => Pooling.Maximum(x(1, 4, 4, 2), new(2, 2), x(1, 3, 3, 2), 1)),
        Misfit("convolution_weight", "rows of 7", x => Convolution.Forward(x(1, 4, 4, 2), x(3, 7), null, x(3), new(2, 2), x(1, 3, 3, 3))),
        Misfit("convolution_output", "gives [1, 3, 3, 3]", x => Convolution.Forward(x(1, 4, 4, 2), x(3, 8), null, x(3), new(2, 2), x(1, 4, 3, 3))),
        Misfit("patches_of_a_window", "has rows of 8", x => ConvolutionPatches.Forward(x(1, 4, 4, 2), new(2, 2), 0, x(3, 7))),
        Misfit("patches_beyond", "7 to 10 of 9", x => ConvolutionPatches.Forward(x(1, 4, 4, 2), new(2, 2), 7, x(3, 8))),
        Misfit("relu_rows", "has 2 rows", x => Relu.Forward(x(2, 4), x(3, 4))),
        Misfit("relu_columns", "columns 2 to 6", x => Relu.Forward(x(2, 4), x(2, 5), 2)),
        Misfit("moments", "[4] and [3]", x => AdamW.Step(x(4), x(4), x(4), x(3), null, x(1), new AdamWStep(1, 0, 0, 0, 0, 0, 0, 1)))
    ];

    [TestCaseSource(nameof(s_misfits))]
    public void A_tensor_that_does_not_fit_is_named(Action<Func<int[], Tensor>> call, string message)
    {
        using var device = Device.Open("cpu", 1);
        Assert.That(() => call(shape => device.Allocate(Shape.Create(shape))), Throws.TypeOf<ShapeException>().With.Message.Contains(message));
        Assert.That(device.Launches, Is.Zero);
    }

    private static RotaryTable Rotary(Make make) => RotaryTable.Create(make(1).Device, 1, 3, 4);

    private static SequenceRotaryTable Sequence(Make make) => SequenceRotaryTable.Create(make(1).Device, 3, 6, 10_000);

    private static TestCaseData Misfit(string name, string message, Action<Make> call)
        => new TestCaseData((Action<Func<int[], Tensor>>)(make => call(shape => make(shape))), message).SetArgDisplayNames(name);
}
