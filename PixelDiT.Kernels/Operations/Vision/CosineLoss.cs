using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Vision;

/// <summary>
/// How far rows point away from others: the loss of representation alignment. u, z [R, n], cosines, factors, shares [R], loss [1], float32:
/// <code>
/// forward    cos_r = u_r·z_r / max(‖u_r‖·‖z_r‖, 1e-8)          loss = offset − 1/R·Σ_r cos_r
/// backward   du_r = −dloss/R·(z_r/max(‖u_r‖·‖z_r‖, 1e-8) − u_r·cos_r/‖u_r‖²)          the second term only where the product of the norms is above 1e-8
/// </code>
/// z is given and has no gradient.
/// </summary>
public static class CosineLoss
{
    /// <summary>What the product of two rows' lengths counts as at least.</summary>
    public const float Epsilon = 1e-8f;

    /// <summary>Numbers that the forward keeps for each row.</summary>
    public const int Kept = 3;

    /// <summary>loss [1], and what the backward needs.</summary>
    /// <param name="u">[R, n].</param>
    /// <param name="z">[R, n].</param>
    /// <param name="offset">What the mean cosine is taken from: 1, or 0.</param>
    /// <param name="kept">[3, R]: cosines, 1/max(‖u‖·‖z‖, 1e-8), and cos/‖u‖².</param>
    /// <param name="loss">[1].</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(Tensor u, Tensor z, float offset, Tensor kept, Tensor loss)
    {
        u.RequireSameCount(z);
        int n = u.Shape[^1], rows = u.Shape.Rows;
        kept.RequireCountOf("what is kept of rows", (long)Kept * rows);
        u.Device.Launch(new ForwardKernel(u.View<float>(), z.View<float>(), kept.View<float>(), n, rows), rows, Elements.LanesFor(n));
        Reduction.Reduce(u.Device, new CosineTerm(kept.View<float>()), rows, new OffsetMean(loss.View<float>(), offset, 1f / rows));
    }

    /// <summary>dU, written.</summary>
    public static void Backward(Tensor dLoss, Tensor u, Tensor z, Tensor kept, Tensor dU)
    {
        u.RequireSameCount(z, dU);
        int n = u.Shape[^1], rows = u.Shape.Rows;
        u.Device.Launch(new BackwardKernel(dLoss.View<float>(), u.View<float>(), z.View<float>(), kept.View<float>(), dU.View<float>(), n, rows), rows, Elements.LanesFor(n));
    }

    internal readonly struct CosineTerm(DeviceView<float> cosines) : ITerm
    {
        private readonly DeviceView<float> _cosines = cosines;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Load(_cosines, i);
    }

    internal readonly struct OffsetMean(DeviceView<float> loss, float offset, float factor) : ITotal
    {
        private readonly DeviceView<float> _loss = loss;
        private readonly float _offset = offset, _factor = factor;

        public void Write(float sum) => Scalar.Write(_loss, 0, _offset - (sum * _factor));
    }

    internal readonly struct ForwardKernel(DeviceView<float> u, DeviceView<float> z, DeviceView<float> kept, int n, int rows) : IRowKernel
    {
        private readonly DeviceView<float> _u = u, _z = z, _kept = kept;
        private readonly int _n = n, _rows = rows;

        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _n;
            float along = Elements.Sum(new L2Normalize.ProductTerm(_u, _z, first), _n, lane, lanes);
            float square = Elements.Sum(new L2Normalize.ProductTerm(_u, _u, first), _n, lane, lanes);
            float lengths = MathF.Sqrt(square) * MathF.Sqrt(Elements.Sum(new L2Normalize.ProductTerm(_z, _z, first), _n, lane, lanes));
            if (lane != 0) return;
            float inverse = 1f / (lengths < Epsilon ? Epsilon : lengths), cosine = along * inverse;
            Scalar.Write(_kept, row, cosine);
            Scalar.Write(_kept, (long)_rows + row, inverse);
            Scalar.Write(_kept, (2L * _rows) + row, lengths < Epsilon ? 0f : cosine / square);
        }
    }

    internal readonly struct BackwardKernel(DeviceView<float> dLoss, DeviceView<float> u, DeviceView<float> z, DeviceView<float> kept, DeviceView<float> dU, int n, int rows) : IRowKernel
    {
        private readonly DeviceView<float> _dLoss = dLoss, _u = u, _z = z, _kept = kept, _dU = dU;
        private readonly int _n = n, _rows = rows;

        public void Run(int row, int lane, int lanes)
        {
            float factor = -Scalar.Read(_dLoss, 0) / _rows;
            Elements.For(new Each(this, (long)row * _n, factor * Scalar.Read(_kept, (long)_rows + row), -factor * Scalar.Read(_kept, (2L * _rows) + row)), 0, _n, lane, lanes);
        }

        private readonly struct Each(BackwardKernel a, long row, float ofTeacher, float ofSelf) : IEach
        {
            private readonly BackwardKernel _a = a;
            private readonly long _row = row;
            private readonly float _ofTeacher = ofTeacher, _ofSelf = ofSelf;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
                => L.Store(_a._dU, _row + i, L.MultiplyAdd(L.Load(_a._z, _row + i), L.Set(_ofTeacher), L.Multiply(L.Load(_a._u, _row + i), L.Set(_ofSelf))));
        }
    }
}
