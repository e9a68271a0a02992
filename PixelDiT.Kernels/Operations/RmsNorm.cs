using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// RMSNorm over the last axis (SPEC §2). x [R, n], w [n], rstd [R]:
/// <code>
/// forward    rstd_r = 1/√(mean_i x_ri² + 1e-6)          y_ri = w_i · x_ri · rstd_r
/// backward   dx_ri (=, +=) rstd_r·w_i·dy_ri − x_ri·rstd_r³/n · Σ_j w_j·dy_rj·x_rj
///            dw_i   +=     Σ_r dy_ri·x_ri·rstd_r
/// </code>
/// Statistics are float32 whatever the storage.
/// </summary>
public static class RmsNorm
{
    /// <summary>The constant under the root.</summary>
    public const float Epsilon = 1e-6f;

    /// <summary>y [R, n] and rstd [R] from x [R, n] and weight [n].</summary>
    public static void Forward(Tensor x, Tensor weight, Tensor y, Tensor rstd)
    {
        x.RequireSameCount(y);
        weight.RequireCountOf("the weight of a norm", x.Shape[^1]);
        rstd.RequireCountOf("rstd", x.Shape.Rows);
        if (x.Type == ElementType.BFloat16) Forward<BFloat16>(x, weight, y, rstd);
        else Forward<Single32>(x, weight, y, rstd);
    }

    /// <summary>dX (added to when <paramref name="accumulate"/>) and dWeight (always added to), each null where it is not wanted.</summary>
    public static void Backward(Tensor dY, Tensor x, Tensor weight, Tensor rstd, Tensor? dX, bool accumulate, Tensor? dWeight)
    {
        if (x.Type == ElementType.BFloat16) Backward<BFloat16>(dY, x, weight, rstd, dX, accumulate, dWeight);
        else Backward<Single32>(dY, x, weight, rstd, dX, accumulate, dWeight);
    }

    private static void Forward<T>(Tensor x, Tensor weight, Tensor y, Tensor rstd) where T : unmanaged, IStorage<T>
    {
        int n = x.Shape[^1];
        x.Device.Launch(new ForwardKernel<T>(x.View<T>(), weight.View<float>(), y.View<T>(), rstd.View<float>(), n), x.Shape.Rows, Elements.LanesFor(n));
    }

    private static void Backward<T>(Tensor dY, Tensor x, Tensor weight, Tensor rstd, Tensor? dX, bool accumulate, Tensor? dWeight) where T : unmanaged, IStorage<T>
    {
        int n = x.Shape[^1], rows = x.Shape.Rows;
        DeviceView<T> dy = dY.View<T>(), xs = x.View<T>();
        if (dX is not null) x.Device.Launch(new BackwardKernel<T>(dy, xs, weight.View<float>(), rstd.View<float>(), dX.View<T>(), n, accumulate ? 1 : 0), rows, Elements.LanesFor(n));
        if (dWeight is not null) ColumnSums.Accumulate(new WeightTerm<T>(dy, xs, rstd.View<float>(), n), rows, n, dWeight);
    }

    /// <summary>1/√(mean square + ε) of a row of n elements; every work item of the group receives it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float RowRstd<T>(DeviceView<T> x, long row, int n, int lane, int lanes) where T : unmanaged, IStorage<T>
        => 1f / MathF.Sqrt((Elements.Sum(new SquareTerm<T>(x, row), n, lane, lanes) / n) + Epsilon);

    /// <summary>x_i², for the mean square of a row.</summary>
    internal readonly struct SquareTerm<T>(DeviceView<T> x, long row) : ITerm where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _x = x;
        private readonly long _row = row;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S x = L.Load(_x, _row + i);
            return L.Multiply(x, x);
        }
    }

    internal readonly struct ForwardKernel<T>(DeviceView<T> x, DeviceView<float> weight, DeviceView<T> y, DeviceView<float> rstd, int n) : IRowKernel
        where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _x = x, _y = y;
        private readonly DeviceView<float> _weight = weight, _rstd = rstd;
        private readonly int _n = n;

        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _n;
            float rstd = RowRstd(_x, first, _n, lane, lanes);
            if (lane == 0) Scalar.Write(_rstd, row, rstd);
            Elements.For(new Scale(_x, _weight, _y, first, rstd), 0, _n, lane, lanes);
        }

        private readonly struct Scale(DeviceView<T> x, DeviceView<float> weight, DeviceView<T> y, long row, float rstd) : IEach
        {
            private readonly DeviceView<T> _x = x, _y = y;
            private readonly DeviceView<float> _weight = weight;
            private readonly long _row = row;
            private readonly float _rstd = rstd;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
                => L.Store(_y, _row + i, L.Multiply(L.Multiply(L.Load(_x, _row + i), L.Set(_rstd)), L.Load(_weight, i)));
        }
    }

    internal readonly struct BackwardKernel<T>(
        DeviceView<T> dY, DeviceView<T> x, DeviceView<float> weight, DeviceView<float> rstd, DeviceView<T> dX, int n, int accumulate) : IRowKernel
        where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY, _x = x, _dX = dX;
        private readonly DeviceView<float> _weight = weight, _rstd = rstd;
        private readonly int _n = n, _accumulate = accumulate;

        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _n;
            float rstd = Scalar.Read(_rstd, row);
            float along = Elements.Sum(new AlongTerm(_dY, _x, _weight, first), _n, lane, lanes);
            Elements.For(new Input(_dY, _x, _weight, _dX, first, rstd, along * rstd * rstd * rstd / _n, _accumulate), 0, _n, lane, lanes);
        }

        private readonly struct AlongTerm(DeviceView<T> dY, DeviceView<T> x, DeviceView<float> weight, long row) : ITerm
        {
            private readonly DeviceView<T> _dY = dY, _x = x;
            private readonly DeviceView<float> _weight = weight;
            private readonly long _row = row;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
                => L.Multiply(L.Multiply(L.Load(_dY, _row + i), L.Load(_weight, i)), L.Load(_x, _row + i));
        }

        private readonly struct Input(
            DeviceView<T> dY, DeviceView<T> x, DeviceView<float> weight, DeviceView<T> dX, long row, float rstd, float pull, int accumulate) : IEach
        {
            private readonly DeviceView<T> _dY = dY, _x = x, _dX = dX;
            private readonly DeviceView<float> _weight = weight;
            private readonly long _row = row;
            private readonly float _rstd = rstd, _pull = pull;
            private readonly int _accumulate = accumulate;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S direct = L.Multiply(L.Multiply(L.Load(_dY, _row + i), L.Load(_weight, i)), L.Set(_rstd));
                Elements.Put<L, S, T>(_dX, _row + i, L.MultiplyAdd(L.Load(_x, _row + i), L.Set(-_pull), direct), _accumulate);
            }
        }
    }

    internal readonly struct WeightTerm<T>(DeviceView<T> dY, DeviceView<T> x, DeviceView<float> rstd, int n) : IColumnTerm where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY, _x = x;
        private readonly DeviceView<float> _rstd = rstd;
        private readonly int _n = n;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged
        {
            long i = ((long)row * _n) + column;
            return L.Multiply(L.Multiply(L.Load(_dY, i), L.Load(_x, i)), L.Set(Scalar.Read(_rstd, row)));
        }
    }
}
