using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Vision;

/// <summary>
/// LayerNorm over the last axis, as vision transformers have it. x, y [R, n], w, b [n], all float32; forward only:
/// <code>
/// μ_r = mean_i x_ri      σ²_r = mean_i (x_ri − μ_r)²      y_ri = w_i·(x_ri − μ_r)/√(σ²_r + ε) + b_i
/// </code>
/// </summary>
public static class LayerNorm
{
    /// <summary>y [R, n] from x [R, n], weight [n] and bias [n].</summary>
    /// <param name="x">[R, n].</param>
    /// <param name="weight">[n].</param>
    /// <param name="bias">[n].</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="y">[R, n]; may be x.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y)
    {
        x.RequireSameCount(y);
        int n = x.Shape[^1];
        weight.RequireCountOf("the weight of a norm", n);
        bias.RequireCountOf("the bias of a norm", n);
        x.Device.Launch(new ForwardKernel(x.View<float>(), weight.View<float>(), bias.View<float>(), y.View<float>(), n, epsilon), x.Shape.Rows, Elements.LanesFor(n));
    }

    internal readonly struct ForwardKernel(DeviceView<float> x, DeviceView<float> weight, DeviceView<float> bias, DeviceView<float> y, int n, float epsilon) : IRowKernel
    {
        private readonly DeviceView<float> _x = x, _weight = weight, _bias = bias, _y = y;
        private readonly int _n = n;
        private readonly float _epsilon = epsilon;

        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _n;
            float mean = Elements.Sum(new ValueTerm(_x, first), _n, lane, lanes) / _n;
            float variance = Elements.Sum(new DeviationTerm(_x, first, mean), _n, lane, lanes) / _n;
            Elements.For(new Scale(this, first, mean, 1f / MathF.Sqrt(variance + _epsilon)), 0, _n, lane, lanes);
        }

        private readonly struct ValueTerm(DeviceView<float> x, long row) : ITerm
        {
            private readonly DeviceView<float> _x = x;
            private readonly long _row = row;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Load(_x, _row + i);
        }

        private readonly struct DeviationTerm(DeviceView<float> x, long row, float mean) : ITerm
        {
            private readonly DeviceView<float> _x = x;
            private readonly long _row = row;
            private readonly float _mean = mean;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S away = L.Subtract(L.Load(_x, _row + i), L.Set(_mean));
                return L.Multiply(away, away);
            }
        }

        private readonly struct Scale(ForwardKernel a, long row, float mean, float rstd) : IEach
        {
            private readonly ForwardKernel _a = a;
            private readonly long _row = row;
            private readonly float _mean = mean, _rstd = rstd;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S normalized = L.Multiply(L.Subtract(L.Load(_a._x, _row + i), L.Set(_mean)), L.Set(_rstd));
                L.Store(_a._y, _row + i, L.MultiplyAdd(normalized, L.Load(_a._weight, i), L.Load(_a._bias, i)));
            }
        }
    }
}
