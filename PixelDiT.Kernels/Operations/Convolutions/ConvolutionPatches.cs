using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Convolutions;

/// <summary>
/// What a convolution's window sees, laid out for a matrix product ("im2col"). x [B, H, W, C], p [R, h·w·C], a row for each of R output pixels that follow one another; float32, forward only:
/// <code>
/// p[r, (i·w + j)·C + c] = x[b, y·stride + i − padY, x·stride + j − padX, c]        0 in the padding
/// </code>
/// Pixels of a row of the image lie beside one another, so each row of the window is one copy.
/// </summary>
public static class ConvolutionPatches
{
    /// <summary>The patches of output pixels <paramref name="first"/> onward; as many as <paramref name="patches"/> has rows.</summary>
    /// <param name="x">[B, H, W, C].</param>
    /// <param name="window">The window.</param>
    /// <param name="first">The first output pixel, counted over all images.</param>
    /// <param name="patches">[R, h·w·C].</param>
    /// <exception cref="ShapeException">The shapes do not fit, or there are no such output pixels.</exception>
    public static void Forward(Tensor x, Window window, int first, Tensor patches)
    {
        var output = window.Output(x.Shape, 1);
        int width = window.Area * x.Shape[3], rows = patches.Shape.Rows;
        if (patches.Shape[^1] != width) throw new ShapeException($"patches {patches.Shape} have rows of {patches.Shape[^1]}; a window of {window.Height}×{window.Width} over {x.Shape} has rows of {width}");
        if (first < 0 || first + (long)rows > output.Count) throw new ShapeException($"output pixels {first} to {first + (long)rows} of {output.Count} were asked for");
        x.Device.Launch(new Kernel(x.View<float>(), patches.View<float>(), new(window, x.Shape, output), first), rows, Elements.LanesFor(window.Width * x.Shape[3]));
    }

    internal readonly struct Kernel(DeviceView<float> x, DeviceView<float> patches, WindowPlaces places, int first) : IRowKernel
    {
        private readonly DeviceView<float> _x = x, _patches = patches;
        private readonly WindowPlaces _places = places;
        private readonly int _first = first;

        public void Run(int row, int lane, int lanes)
        {
            int image = _places.Corner(_first + row, out int y, out int x), channels = _places.Channels, run = _places.Columns * channels;
            int begin = WindowPlaces.First(x), end = _places.EndColumn(x);
            long target = (long)row * _places.Rows * run;
            for (int i = 0; i < _places.Rows; i++, target += run)
            {
                if (!_places.HasRow(y + i))
                {
                    Elements.For(new Zero(_patches), target, run, lane, lanes);
                    continue;
                }
                if (begin > 0) Elements.For(new Zero(_patches), target, begin * channels, lane, lanes);
                Elements.For(new Copy(_x, _patches, _places.Pixel(image, y + i, x + begin), target + (begin * channels)), 0, (end - begin) * channels, lane, lanes);
                if (end < _places.Columns) Elements.For(new Zero(_patches), target + (end * channels), (_places.Columns - end) * channels, lane, lanes);
            }
        }

        private readonly struct Copy(DeviceView<float> x, DeviceView<float> patches, long source, long target) : IEach
        {
            private readonly DeviceView<float> _x = x, _patches = patches;
            private readonly long _source = source, _target = target;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Store(_patches, _target + i, L.Load(_x, _source + i));
        }

        private readonly struct Zero(DeviceView<float> patches) : IEach
        {
            private readonly DeviceView<float> _patches = patches;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Store(_patches, i, L.Set(0));
        }
    }
}
