using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Vision;

/// <summary>
/// Four places along each axis, mixed: bicubic resizing of an image's planes, with a factor and an offset for each channel. x [B, C, H, W], y [B, C, H', W'], float32; forward only:
/// <code>
/// y_bcij = factor_c·Σ_rs row_ir·column_js·x_bc(place_ir)(place_js) + offset_c          r, s = 0 … 3
/// </code>
/// </summary>
public static class BicubicResize
{
    /// <summary>Places along an axis.</summary>
    public const int Taps = 4;

    /// <summary>y [B, C, H', W'] from x [B, C, H, W].</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="rows">H'·4 rows of x, and their weights.</param>
    /// <param name="columns">W'·4 columns of x, and their weights.</param>
    /// <param name="factors">[C].</param>
    /// <param name="offsets">[C].</param>
    /// <param name="y">[B, C, H', W'].</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(Tensor x, (Tensor Places, Tensor Weights) rows, (Tensor Places, Tensor Weights) columns, Tensor factors, Tensor offsets, Tensor y)
    {
        if (x.Shape.Rank != 4 || y.Shape.Rank != 4 || x.Shape[0] != y.Shape[0] || x.Shape[1] != y.Shape[1]) throw new ShapeException($"images {x.Shape} cannot be resized to {y.Shape}");
        var (channels, height, width) = (x.Shape[1], y.Shape[2], y.Shape[3]);
        foreach (var tensor in (ReadOnlySpan<Tensor>)[rows.Places, rows.Weights]) tensor.RequireCountOf("places of rows", (long)height * Taps);
        foreach (var tensor in (ReadOnlySpan<Tensor>)[columns.Places, columns.Weights]) tensor.RequireCountOf("places of columns", (long)width * Taps);
        factors.RequireCountOf("factors", channels);
        offsets.RequireCountOf("offsets", channels);
        x.Device.Launch(
            new ForwardKernel(
                x.View<float>(), rows.Places.View<int>(), rows.Weights.View<float>(), columns.Places.View<int>(), columns.Weights.View<float>(), factors.View<float>(), offsets.View<float>(), y.View<float>(),
                channels, x.Shape[2], x.Shape[3], height, width),
            checked(x.Shape[0] * channels * height), Elements.LanesFor(width));
    }

    internal readonly struct ForwardKernel(
        DeviceView<float> x, DeviceView<int> rows, DeviceView<float> rowWeights, DeviceView<int> columns, DeviceView<float> columnWeights, DeviceView<float> factors, DeviceView<float> offsets, DeviceView<float> y,
        int channels, int fromHeight, int fromWidth, int height, int width) : IRowKernel
    {
        private readonly DeviceView<float> _x = x, _rowWeights = rowWeights, _columnWeights = columnWeights, _factors = factors, _offsets = offsets, _y = y;
        private readonly DeviceView<int> _rows = rows, _columns = columns;
        private readonly int _channels = channels, _fromHeight = fromHeight, _fromWidth = fromWidth, _height = height, _width = width;

        public void Run(int item, int lane, int lanes)
        {
            int plane = item / _height, row = item - (plane * _height), channel = plane % _channels;
            long from = (long)plane * _fromHeight * _fromWidth, to = (long)item * _width;
            float factor = Scalar.Read(_factors, channel), offset = Scalar.Read(_offsets, channel);
            for (int column = lane; column < _width; column += lanes)
            {
                float sum = 0;
                for (int r = 0; r < Taps; r++)
                {
                    long line = from + ((long)Scalar.ReadLabel(_rows, (row * Taps) + r) * _fromWidth);
                    float across = 0;
                    for (int c = 0; c < Taps; c++)
                    {
                        across += Scalar.Read(_columnWeights, (column * Taps) + c) * Scalar.Read(_x, line + Scalar.ReadLabel(_columns, (column * Taps) + c));
                    }
                    sum += Scalar.Read(_rowWeights, (row * Taps) + r) * across;
                }
                Scalar.Write(_y, to + column, (factor * sum) + offset);
            }
        }
    }
}
