using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The first tokens of each sequence (SPEC §6: text longer than the model takes is cut), stored as activations are. x [B, n, w] in float32, y [B, m, w], m ≤ n:
/// <code>
/// forward    y_b,i = x_b,i                      i &lt; m
/// backward   dx_b,i = dy_b,i for i &lt; m, else 0
/// </code>
/// </summary>
public static class Narrow
{
    /// <summary>y [B, m, w], rounded to its storage.</summary>
    /// <exception cref="ShapeException">y is no part of x.</exception>
    public static void Forward(Tensor x, Tensor y)
    {
        Require(x, y);
        if (y.Type == ElementType.BFloat16) Launch<BFloat16>(x, y, backward: false);
        else Launch<Single32>(x, y, backward: false);
    }

    /// <summary>dX [B, n, w], written.</summary>
    /// <inheritdoc cref="Forward" path="/exception"/>
    public static void Backward(Tensor dY, Tensor dX)
    {
        Require(dX, dY);
        if (dY.Type == ElementType.BFloat16) Launch<BFloat16>(dX, dY, backward: true);
        else Launch<Single32>(dX, dY, backward: true);
    }

    private static void Require(Tensor x, Tensor y)
    {
        if (x.Shape.Rank != 3 || y.Shape.Rank != 3 || x.Shape[0] != y.Shape[0] || x.Shape[2] != y.Shape[2] || y.Shape[1] > x.Shape[1])
            throw new ShapeException($"the first tokens of {x.Shape} do not make {y.Shape}");
    }

    private static void Launch<T>(Tensor x, Tensor y, bool backward) where T : unmanaged, IStorage<T>
    {
        int width = x.Shape[2];
        if (backward) x.Device.Launch(new BackwardKernel<T>(y.View<T>(), x.View<float>(), x.Shape[1], y.Shape[1], width), x.Shape.Rows, Elements.LanesFor(width));
        else x.Device.Launch(new ForwardKernel<T>(x.View<float>(), y.View<T>(), x.Shape[1], y.Shape[1], width), y.Shape.Rows, Elements.LanesFor(width));
    }

    internal readonly struct ForwardKernel<T>(DeviceView<float> x, DeviceView<T> y, int tokens, int kept, int width) : IRowKernel where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<float> _x = x;
        private readonly DeviceView<T> _y = y;
        private readonly int _tokens = tokens, _kept = kept, _width = width;

        public void Run(int row, int lane, int lanes)
        {
            int image = row / _kept, token = row - (image * _kept);
            Elements.For(new Each(this, (((long)image * _tokens) + token) * _width, (long)row * _width), 0, _width, lane, lanes);
        }

        private readonly struct Each(ForwardKernel<T> a, long x, long y) : IEach
        {
            private readonly ForwardKernel<T> _a = a;
            private readonly long _x = x, _y = y;

            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Store(_a._y, _y + i, L.Load(_a._x, _x + i));
        }
    }

    internal readonly struct BackwardKernel<T>(DeviceView<T> dY, DeviceView<float> dX, int tokens, int kept, int width) : IRowKernel where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY;
        private readonly DeviceView<float> _dX = dX;
        private readonly int _tokens = tokens, _kept = kept, _width = width;

        public void Run(int row, int lane, int lanes)
        {
            int image = row / _tokens, token = row - (image * _tokens);
            Elements.For(new Each(this, (((long)image * _kept) + token) * _width, (long)row * _width, token < _kept ? 1 : 0), 0, _width, lane, lanes);
        }

        private readonly struct Each(BackwardKernel<T> a, long dY, long dX, int inside) : IEach
        {
            private readonly BackwardKernel<T> _a = a;
            private readonly long _dY = dY, _dX = dX;
            private readonly int _inside = inside;

            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Store(_a._dX, _dX + i, _inside != 0 ? L.Load(_a._dY, _dY + i) : L.Set(0f));
        }
    }
}
