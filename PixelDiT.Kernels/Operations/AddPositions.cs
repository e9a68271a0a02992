using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// Adds the fixed position embedding of pixels (SPEC §3.5): x, y [B·R, d], positions [R, d]: y_r = x_r + positions_(r mod R). The gradient passes unchanged.
/// </summary>
public static class AddPositions
{
    /// <summary>y = x + positions; y may be x.</summary>
    public static void Forward(Tensor x, Tensor positions, Tensor y)
    {
        x.RequireSameCount(y);
        if (x.Count % positions.Count != 0) throw new ShapeException($"positions {positions.Shape} do not divide pixels {x.Shape}");
        int n = positions.Shape[^1];
        if (x.Type == ElementType.BFloat16) Launch(x.View<BFloat16>(), positions, y.View<BFloat16>(), x, n);
        else Launch(x.View<Single32>(), positions, y.View<Single32>(), x, n);
    }

    private static void Launch<T>(DeviceView<T> x, Tensor positions, DeviceView<T> y, Tensor shape, int n) where T : unmanaged, IStorage<T>
        => shape.Device.Launch(new Kernel<T>(x, positions.View<float>(), y, n, positions.Shape.Rows), checked((int)(shape.Count / n)), Elements.LanesFor(n));

    /// <summary>
    /// The 2-D sin-cos embedding over the whole image, regrouped by patch: [L·P, d]. ω_i = 10000^(−i/(d/4)); channels [sin xω | cos xω | sin yω | cos yω] of integer coordinates,
    /// computed in float64.
    /// </summary>
    /// <param name="device">Where the table lives.</param>
    /// <param name="width">d, a multiple of 4.</param>
    /// <param name="imageHeight">H in pixels, a multiple of the patch.</param>
    /// <param name="imageWidth">W in pixels, a multiple of the patch.</param>
    /// <param name="patch">p.</param>
    public static Tensor Table(Device device, int width, int imageHeight, int imageWidth, int patch)
    {
        int quarter = width / 4, across = imageWidth / patch, rows = imageHeight * imageWidth;
        var table = new float[rows * width];
        for (int row = 0; row < rows; row++)
        {
            int token = row / (patch * patch), inside = row % (patch * patch);
            int y = (token / across * patch) + (inside / patch), x = (token % across * patch) + (inside % patch);
            for (int i = 0; i < quarter; i++)
            {
                double omega = 1.0 / Math.Pow(10000.0, (double)i / quarter);
                int at = (row * width) + i;
                table[at] = (float)Math.Sin(x * omega);
                table[at + quarter] = (float)Math.Cos(x * omega);
                table[at + (2 * quarter)] = (float)Math.Sin(y * omega);
                table[at + (3 * quarter)] = (float)Math.Cos(y * omega);
            }
        }
        return device.Upload(table, [rows, width]);
    }

    internal readonly struct Kernel<T>(DeviceView<T> x, DeviceView<float> positions, DeviceView<T> y, int n, int rows) : IRowKernel where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _x = x, _y = y;
        private readonly DeviceView<float> _positions = positions;
        private readonly int _n = n, _rows = rows;

        public void Run(int row, int lane, int lanes) => Elements.For(new Each(this, (long)row * _n, (long)(row % _rows) * _n), 0, _n, lane, lanes);

        private readonly struct Each(Kernel<T> a, long row, long position) : IEach
        {
            private readonly Kernel<T> _a = a;
            private readonly long _row = row, _position = position;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
                => L.Store(_a._y, _row + i, L.Add(L.Load(_a._x, _row + i), L.Load(_a._positions, _position + i)));
        }
    }
}
