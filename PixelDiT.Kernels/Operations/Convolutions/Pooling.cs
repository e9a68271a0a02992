using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Convolutions;

/// <summary>
/// The pixels of a window made one. x [B, H, W, C], y [B, H′, W′, N] with N ≥ C, V the pixels of the window that lie in the image; float32, forward only:
/// <code>
/// maximum    y[b, y, x, o + c] = max over V of x[b, ., ., c]
/// average    y[b, y, x, o + c] = (1/|V|) · Σ over V of x[b, ., ., c]        the padding is in neither sum nor count
/// </code>
/// </summary>
public static class Pooling
{
    /// <summary>The largest value of each channel; channels <paramref name="channel"/> onward of y, written.</summary>
    /// <param name="x">[B, H, W, C].</param>
    /// <param name="window">The window.</param>
    /// <param name="y">[B, H′, W′, N].</param>
    /// <param name="channel">o.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Maximum(Tensor x, Window window, Tensor y, int channel = 0) => Run(x, window, y, channel, averages: 0);

    /// <summary>The mean of each channel over what of the window lies in the image.</summary>
    /// <inheritdoc cref="Maximum" path="/param"/>
    /// <inheritdoc cref="Maximum" path="/exception"/>
    public static void Average(Tensor x, Window window, Tensor y, int channel = 0) => Run(x, window, y, channel, averages: 1);

    private static void Run(Tensor x, Window window, Tensor y, int channel, int averages)
    {
        int channels = y.Shape[^1], inputs = x.Shape[^1];
        var output = window.Output(x.Shape, channels);
        if (y.Shape != output) throw new ShapeException($"a pooling of {x.Shape} gives {output}; y is {y.Shape}");
        if (channel < 0 || channel + inputs > channels) throw new ShapeException($"channels {channel} to {channel + inputs} lie beyond an image {y.Shape}");
        x.Device.Launch(new Kernel(x.View<float>(), y.View<float>(), new(window, x.Shape, output), channels, channel, averages), output.Rows, Elements.LanesFor(inputs));
    }

    internal readonly struct Kernel(DeviceView<float> x, DeviceView<float> y, WindowPlaces places, int channels, int channel, int averages) : IRowKernel
    {
        private readonly DeviceView<float> _x = x, _y = y;
        private readonly WindowPlaces _places = places;
        private readonly int _channels = channels, _channel = channel, _averages = averages;

        public void Run(int pixel, int lane, int lanes)
        {
            int image = _places.Corner(pixel, out int y, out int x), top = y + WindowPlaces.First(y), left = x + WindowPlaces.First(x);
            int rows = y + _places.EndRow(y) - top, columns = x + _places.EndColumn(x) - left;
            long first = _places.Pixel(image, top, left), row = _places.Pixel(0, 1, 0), target = ((long)pixel * _channels) + _channel;
            if (_averages != 0) Elements.For(new Mean(_x, _y, first, row, target, _places.Channels, rows, columns), 0, _places.Channels, lane, lanes);
            else Elements.For(new Largest(_x, _y, first, row, target, _places.Channels, rows, columns), 0, _places.Channels, lane, lanes);
        }

        private readonly struct Largest(DeviceView<float> x, DeviceView<float> y, long first, long row, long target, int pixel, int rows, int columns) : IEach
        {
            private readonly DeviceView<float> _x = x, _y = y;
            private readonly long _first = first, _row = row, _target = target;
            private readonly int _pixel = pixel, _rows = rows, _columns = columns;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S most = L.Load(_x, _first + i);
                for (int y = 0; y < _rows; y++)
                {
                    for (int x = 0; x < _columns; x++) most = L.Max(most, L.Load(_x, _first + (y * _row) + ((long)x * _pixel) + i));
                }
                L.Store(_y, _target + i, most);
            }
        }

        private readonly struct Mean(DeviceView<float> x, DeviceView<float> y, long first, long row, long target, int pixel, int rows, int columns) : IEach
        {
            private readonly DeviceView<float> _x = x, _y = y;
            private readonly long _first = first, _row = row, _target = target;
            private readonly int _pixel = pixel, _rows = rows, _columns = columns;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S sum = L.Set(0);
                for (int y = 0; y < _rows; y++)
                {
                    for (int x = 0; x < _columns; x++) sum = L.Add(sum, L.Load(_x, _first + (y * _row) + ((long)x * _pixel) + i));
                }
                L.Store(_y, _target + i, L.Divide(sum, L.Set(_rows * _columns)));
            }
        }
    }
}
