using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Convolutions;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Oracle;
using static PixelDiT.Tests.Operations.Input;

namespace PixelDiT.Tests.Operations;

/// <summary>What networks over images compute: forward only, float32.</summary>
internal static class ConvolutionCases
{
    private static readonly (string Name, Shape Image, Window Window)[] s_windows =
    [
        ("one", [1, 1, 1, 1], new(1, 1)), ("pointwise", [2, 5, 3, 17], new(1, 1)), ("square", [2, 7, 6, 3], new(3, 3, 1, 1, 1)), ("strided", [1, 9, 12, 5], new(3, 3, 2)), ("wide", [1, 5, 9, 17], new(1, 7, 1, 0, 3)),
        ("tall", [1, 9, 4, 33], new(7, 1, 1, 3, 0)), ("large", [1, 6, 5, 4], new(5, 5, 1, 2, 2)), ("skipping", [2, 8, 7, 6], new(1, 1, 3))
    ];

    // A window of 1×1 over 17 channels and 3000 pixels is cut into pieces, and so is one of 3×3 over 64 channels.
    public static IEnumerable<OperationCase> All =>
    [
        .. s_windows.SelectMany<(string Name, Shape Image, Window Window), OperationCase>(size =>
            [Seen(size.Name, size.Image, size.Window), Convolved(size.Name, size.Image, size.Window, 5, 3), Pooled(size.Name, size.Image, size.Window, false), Pooled(size.Name, size.Image, size.Window, true)]),
        Convolved("even", [1, 5, 5, 16], new(3, 3, 1, 1, 1), 64, 0), Convolved("pieces", [3, 21, 21, 64], new(3, 3), 17, 2), Convolved("flat", [1, 61, 63, 3], new(3, 3, 2), 33, 0),
        Cut([1, 1], 1, 0), Cut([3, 5], 5, 0), Cut([5, 17], 40, 23), Cut([2, 257], 300, 1)
    ];

    private static OperationCase Seen(string name, Shape image, Window window)
    {
        var output = window.Output(image, 1);
        return new($"convolution_patches_{name}", typeof(ConvolutionPatches))
        {
            Inputs = [Constant("x", image)],
            Forward = run =>
            {
                // The last pixel is written on its own, as the last piece of many is.
                int pixels = (int)output.Count, width = window.Area * image[3];
                var y = run.Output([pixels, width]);
                if (pixels > 1) ConvolutionPatches.Forward(run.Tensor("x"), window, 0, y.Value.Slice(0, [pixels - 1, width]));
                ConvolutionPatches.Forward(run.Tensor("x"), window, pixels - 1, y.Value.Slice((pixels - 1L) * width, [1, width]));
                return y;
            },
            Oracle = at => Exact.ConvolutionPatches(at["x"], image[1], image[2], image[3], window),
            ForwardTolerance = Tolerances.Exact
        };
    }

    private static OperationCase Convolved(string name, Shape image, Window window, int channels, int beside)
    {
        var output = window.Output(image, channels + (2 * beside));
        return new($"convolution_{name}", typeof(Convolution))
        {
            Inputs = [Constant("x", image), Constant("w", [channels, window.Area * image[3]]), Constant("b", [channels])],
            Forward = run =>
            {
                var y = run.Output(output);
                Fill.Forward(-1, y.Value);
                using var packed = MatMul.Pack(run.Tensor("w"), null);
                Convolution.Forward(run.Tensor("x"), run.Tensor("w"), packed, run.Tensor("b"), window, y.Value, beside);
                return y;
            },
            Oracle = at => Beside(Exact.Convolution(at["x"], at["w"], at["b"], image[1], image[2], image[3], window), channels, beside, beside),
            ForwardTolerance = Tolerances.Product
        };
    }

    private static OperationCase Pooled(string name, Shape image, Window window, bool averages)
    {
        var output = window.Output(image, image[3] + 3);
        return new($"{(averages ? "average" : "maximum")}_pooling_{name}", typeof(Pooling))
        {
            Inputs = [Constant("x", image)],
            Forward = run =>
            {
                var y = run.Output(output);
                Fill.Forward(-1, y.Value);
                if (averages) Pooling.Average(run.Tensor("x"), window, y.Value, 1);
                else Pooling.Maximum(run.Tensor("x"), window, y.Value, 1);
                return y;
            },
            Oracle = at => Beside(averages ? Exact.AveragePooling(at["x"], image[1], image[2], image[3], window) : Exact.MaximumPooling(at["x"], image[1], image[2], image[3], window), image[3], 1, 2),
            ForwardTolerance = averages ? Tolerances.Row : Tolerances.Exact
        };
    }

    private static OperationCase Cut(Shape shape, int width, int column) => new($"relu_{NormCases.Label(shape)}_into_{width}", typeof(Relu))
    {
        Inputs = [Constant("x", shape)],
        Forward = run =>
        {
            var y = run.Output([shape.Rows, width]);
            Fill.Forward(-1, y.Value);
            Relu.Forward(run.Tensor("x"), y.Value, column);
            return y;
        },
        Oracle = at => Beside(Exact.Relu(at["x"]), shape[^1], column, width - shape[^1] - column),
        ForwardTolerance = Tolerances.Exact
    };

    /// <summary>Rows between −1s, which the operation must leave as they are.</summary>
    private static double[] Beside(double[] rows, int width, int before, int after)
        => [.. rows.Chunk(width).SelectMany(row => (double[])[.. Enumerable.Repeat(-1.0, before), .. row, .. Enumerable.Repeat(-1.0, after)])];
}
