using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Vision;

/// <summary>
/// Rows of unit length. x, y [R, n], inverse [R], float32:
/// <code>
/// forward    s_r = 1/max(‖x_r‖, 1e-12)          y_r = s_r·x_r
/// backward   dx_r (=, +=) s_r·(dy_r − y_r·(y_r·dy_r))
/// </code>
/// </summary>
public static class L2Normalize
{
    /// <summary>What a row's length counts as at least.</summary>
    public const float Epsilon = 1e-12f;

    /// <summary>y [R, n] and inverse [R] from x [R, n].</summary>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(Tensor x, Tensor y, Tensor inverse)
    {
        x.RequireSameCount(y);
        inverse.RequireCountOf("the inverse lengths", x.Shape.Rows);
        int n = x.Shape[^1];
        x.Device.Launch(new ForwardKernel(x.View<float>(), y.View<float>(), inverse.View<float>(), n), x.Shape.Rows, Elements.LanesFor(n));
    }

    /// <summary>dX, from y and the inverse lengths of the forward.</summary>
    public static void Backward(Tensor dY, Tensor y, Tensor inverse, Tensor dX, bool accumulate)
    {
        dY.RequireSameCount(y, dX);
        int n = dY.Shape[^1];
        dY.Device.Launch(new BackwardKernel(dY.View<float>(), y.View<float>(), inverse.View<float>(), dX.View<Single32>(), n, accumulate ? 1 : 0), dY.Shape.Rows, Elements.LanesFor(n));
    }

    /// <summary>x_i·z_i of a row.</summary>
    internal readonly struct ProductTerm(DeviceView<float> x, DeviceView<float> z, long row) : ITerm
    {
        private readonly DeviceView<float> _x = x, _z = z;
        private readonly long _row = row;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Multiply(L.Load(_x, _row + i), L.Load(_z, _row + i));
    }

    internal readonly struct ForwardKernel(DeviceView<float> x, DeviceView<float> y, DeviceView<float> inverse, int n) : IRowKernel
    {
        private readonly DeviceView<float> _x = x, _y = y, _inverse = inverse;
        private readonly int _n = n;

        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _n;
            float length = MathF.Sqrt(Elements.Sum(new ProductTerm(_x, _x, first), _n, lane, lanes));
            float inverse = 1f / (length < Epsilon ? Epsilon : length);
            if (lane == 0) Scalar.Write(_inverse, row, inverse);
            Elements.For(new Scale(_x, _y, first, inverse), 0, _n, lane, lanes);
        }

        private readonly struct Scale(DeviceView<float> x, DeviceView<float> y, long row, float inverse) : IEach
        {
            private readonly DeviceView<float> _x = x, _y = y;
            private readonly long _row = row;
            private readonly float _inverse = inverse;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Store(_y, _row + i, L.Multiply(L.Load(_x, _row + i), L.Set(_inverse)));
        }
    }

    internal readonly struct BackwardKernel(DeviceView<float> dY, DeviceView<float> y, DeviceView<float> inverse, DeviceView<Single32> dX, int n, int accumulate) : IRowKernel
    {
        private readonly DeviceView<float> _dY = dY, _y = y, _inverse = inverse;
        private readonly DeviceView<Single32> _dX = dX;
        private readonly int _n = n, _accumulate = accumulate;

        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _n;
            float along = Elements.Sum(new ProductTerm(_dY, _y, first), _n, lane, lanes);
            Elements.For(new Each(this, first, along, Scalar.Read(_inverse, row)), 0, _n, lane, lanes);
        }

        private readonly struct Each(BackwardKernel a, long row, float along, float inverse) : IEach
        {
            private readonly BackwardKernel _a = a;
            private readonly long _row = row;
            private readonly float _along = along, _inverse = inverse;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S across = L.MultiplyAdd(L.Load(_a._y, _row + i), L.Set(-_along), L.Load(_a._dY, _row + i));
                Elements.Put<L, S, Single32>(_a._dX, _row + i, L.Multiply(across, L.Set(_inverse)), _a._accumulate);
            }
        }
    }
}
