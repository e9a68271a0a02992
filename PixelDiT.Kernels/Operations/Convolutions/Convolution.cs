using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Convolutions;

/// <summary>
/// A convolution of images with its ReLU, as a matrix product of patches. x [B, H, W, C], W [K, h·w·C] in the order of <see cref="ConvolutionPatches"/>, b [K], y [B, H′, W′, N] with N ≥ K; float32, forward only:
/// <code>
/// y[b, y, x, o + k] = max(0, b_k + Σ_ijc W[k, (i·w + j)·C + c] · x[b, y·stride + i − padY, x·stride + j − padX, c])        x is 0 in the padding
/// </code>
/// Channels o to o + K are written, so that several convolutions make one image side by side. The patches of some output pixels at a time are laid out, multiplied and cut at 0 while they are in the cache; a window of one
/// pixel with stride 1 needs no patches. An output pixel's bits do not depend on what else is computed with it.
/// </summary>
public static class Convolution
{
    // Numbers of patches and results at a time: small enough for a CPU's caches (measured), enough work for a GPU.
    private const int NumbersOnCpu = 1 << 19, NumbersOnGpu = 1 << 25, LeastRows = 128;

    /// <summary>Channels <paramref name="channel"/> onward of y, written.</summary>
    /// <param name="x">[B, H, W, C].</param>
    /// <param name="weight">[K, h·w·C].</param>
    /// <param name="packed">What <see cref="MatMul.Pack"/> made of the weight, or null.</param>
    /// <param name="bias">[K].</param>
    /// <param name="window">h, w, stride and padding.</param>
    /// <param name="y">[B, H′, W′, N].</param>
    /// <param name="channel">o.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(Tensor x, Tensor weight, Tensor? packed, Tensor bias, Window window, Tensor y, int channel = 0)
    {
        int outputs = weight.Shape[0], inputs = weight.Shape[1], channels = y.Shape[^1];
        var output = window.Output(x.Shape, outputs);
        if (inputs != window.Area * x.Shape[3]) throw new ShapeException($"a weight {weight.Shape} has rows of {inputs}; a window of {window.Height}×{window.Width} over {x.Shape} has {window.Area * x.Shape[3]}");
        if (y.Shape.Rank != 4 || y.Shape[0] != output[0] || y.Shape[1] != output[1] || y.Shape[2] != output[2]) throw new ShapeException($"a convolution of {x.Shape} gives {output}; y is {y.Shape}");
        var device = x.Device;
        bool isPlain = window == new Window(1, 1);
        int pixels = checked(output[0] * output[1] * output[2]);
        int rows = Math.Min(pixels, Math.Max(LeastRows, (device.Kind == DeviceKind.Cuda ? NumbersOnGpu : NumbersOnCpu) / ((isPlain ? 0 : inputs) + outputs)));
        using var patches = isPlain ? null : device.Allocate([rows, inputs]);
        using var products = device.Allocate([rows, outputs]);
        for (int first = 0; first < pixels; first += rows)
        {
            int count = Math.Min(rows, pixels - first);
            Tensor seen = patches is null ? x.Slice((long)first * inputs, [count, inputs]) : patches.Slice(0, [count, inputs]), product = products.Slice(0, [count, outputs]);
            if (patches is not null) ConvolutionPatches.Forward(x, window, first, seen);
            MatMul.Forward(seen, weight, packed, bias, product, Precision.Single);
            Relu.Forward(product, y.Slice((long)first * channels, [count, channels]), channel);
        }
    }
}
