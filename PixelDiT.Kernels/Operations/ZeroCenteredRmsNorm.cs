using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// RMSNorm whose weight is stored as its distance from one, as Gemma's are, and which may add its result to a residual stream. x [R, n], w [n], all float32; forward only:
/// <code>
/// rstd_r = 1/√(mean_i x_ri² + ε)          y_ri = [residual_ri +] (1 + w_i)·x_ri·rstd_r
/// </code>
/// </summary>
public static class ZeroCenteredRmsNorm
{
    /// <summary>y [R, n] from x [R, n] and weight [n].</summary>
    /// <param name="x">[R, n].</param>
    /// <param name="weight">[n].</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="residual">[R, n], or null for none.</param>
    /// <param name="y">[R, n]; may be x or the residual.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(Tensor x, Tensor weight, float epsilon, Tensor? residual, Tensor y)
    {
        x.RequireSameCount(y, residual);
        int n = x.Shape[^1];
        weight.RequireCountOf("the weight of a norm", n);
        x.Device.Launch(new ForwardKernel(x.View<float>(), weight.View<float>(), (residual ?? x).View<float>(), y.View<float>(), n, epsilon, residual is null ? 0 : 1), x.Shape.Rows, Elements.LanesFor(n));
    }

    internal readonly struct ForwardKernel(
        DeviceView<float> x, DeviceView<float> weight, DeviceView<float> residual, DeviceView<float> y, int n, float epsilon, int adds) : IRowKernel
    {
        private readonly DeviceView<float> _x = x, _weight = weight, _residual = residual, _y = y;
        private readonly int _n = n, _adds = adds;
        private readonly float _epsilon = epsilon;

        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _n;
            float square = Elements.Sum(new SquareTerm(_x, first), _n, lane, lanes) / _n;
            Elements.For(new Scale(this, first, 1f / MathF.Sqrt(square + _epsilon)), 0, _n, lane, lanes);
        }

        private readonly struct SquareTerm(DeviceView<float> x, long row) : ITerm
        {
            private readonly DeviceView<float> _x = x;
            private readonly long _row = row;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S x = L.Load(_x, _row + i);
                return L.Multiply(x, x);
            }
        }

        private readonly struct Scale(ForwardKernel a, long row, float rstd) : IEach
        {
            private readonly ForwardKernel _a = a;
            private readonly long _row = row;
            private readonly float _rstd = rstd;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S factor = L.Add(L.Set(1f), L.Load(_a._weight, i)), value = L.Multiply(L.Multiply(L.Load(_a._x, _row + i), L.Set(_rstd)), factor);
                if (_a._adds != 0) value = L.Add(L.Load(_a._residual, _row + i), value);
                L.Store(_a._y, _row + i, value);
            }
        }
    }
}
