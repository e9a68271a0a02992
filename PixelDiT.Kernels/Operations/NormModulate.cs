using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// RMSNorm and modulation in one pass over the row (SPEC §3.3, §3.5): replaces <see cref="RmsNorm"/> then <see cref="Modulate"/>, which are its oracle.
/// x, y [R, n], w [n], rstd [R], m = r / rowsPerModulation:
/// <code>
/// forward    y_r = (w·x_r·rstd_r)·(1 + scale_m) + shift_m
/// backward   g = dy_r·(1 + scale_m)
///            dx_r (=, +=) rstd_r·w·g − x_r·rstd_r³/n·Σ w·g·x_r
///            dw += Σ_r g·x_r·rstd_r      dshift_m = Σ dy_r      dscale_m = Σ dy_r·w·x_r·rstd_r
/// </code>
/// The normalised row is not kept: the backward has it again from x and rstd.
/// </summary>
public static class NormModulate
{
    /// <summary>y [R, n] and rstd [R].</summary>
    public static void Forward(Tensor x, Tensor weight, ModulationLayout modulation, int shift, int scale, Tensor y, Tensor rstd)
    {
        x.RequireSameCount(y);
        weight.RequireCountOf("the weight of a norm", x.Shape[^1]);
        rstd.RequireCountOf("rstd", x.Shape.Rows);
        modulation.Require(x.Shape, x.Type, shift, scale);
        if (modulation.Values.Type == ElementType.BFloat16) Forward<BFloat16, BFloat16>(x, weight, modulation, shift, scale, y, rstd);
        else if (x.Type == ElementType.BFloat16) Forward<BFloat16, Single32>(x, weight, modulation, shift, scale, y, rstd);
        else Forward<Single32, Single32>(x, weight, modulation, shift, scale, y, rstd);
    }

    /// <summary>dX, dWeight (added to; null where it is not wanted), and the two chunks of dModulation (written).</summary>
    public static void Backward(
        Tensor dY, Tensor x, Tensor weight, ModulationLayout modulation, int shift, int scale, Tensor rstd, Tensor dX, bool accumulate, Tensor? dWeight, ModulationLayout dModulation)
    {
        if (modulation.Values.Type == ElementType.BFloat16) Backward<BFloat16, BFloat16>(dY, x, weight, modulation, shift, scale, rstd, dX, accumulate, dWeight, dModulation);
        else if (x.Type == ElementType.BFloat16) Backward<BFloat16, Single32>(dY, x, weight, modulation, shift, scale, rstd, dX, accumulate, dWeight, dModulation);
        else Backward<Single32, Single32>(dY, x, weight, modulation, shift, scale, rstd, dX, accumulate, dWeight, dModulation);
    }

    private static void Forward<T, TM>(Tensor x, Tensor weight, ModulationLayout modulation, int shift, int scale, Tensor y, Tensor rstd)
        where T : unmanaged, IStorage<T> where TM : unmanaged, IStorage<TM>
    {
        int n = x.Shape[^1];
        x.Device.Launch(new ForwardKernel<T, TM>(
            x.View<T>(), weight.View<float>(), modulation.Values.View<TM>(), y.View<T>(), rstd.View<float>(),
            n, modulation.Chunks * n, modulation.RowsPerModulation, shift * n, scale * n), x.Shape.Rows, Elements.LanesFor(n));
    }

    private static void Backward<T, TM>(
        Tensor dY, Tensor x, Tensor weight, ModulationLayout modulation, int shift, int scale, Tensor rstd, Tensor dX, bool accumulate, Tensor? dWeight, ModulationLayout dModulation)
        where T : unmanaged, IStorage<T> where TM : unmanaged, IStorage<TM>
    {
        int n = x.Shape[^1], rows = x.Shape.Rows, stride = modulation.Chunks * n, perModulation = modulation.RowsPerModulation;
        DeviceView<T> dy = dY.View<T>(), xs = x.View<T>();
        DeviceView<float> w = weight.View<float>(), r = rstd.View<float>();
        var m = modulation.Values.View<TM>();
        // With a modulation of its own, a row's own kernel writes the modulation's gradient and nothing is left to sum.
        bool own = perModulation == 1;
        x.Device.Launch(new BackwardKernel<T, TM>(
            dy, xs, w, m, r, dX.View<T>(), dModulation.Values.View<TM>(), n, stride, perModulation, shift * n, scale * n, accumulate ? 1 : 0, own ? 1 : 0), rows, Elements.LanesFor(n));
        if (dWeight is not null) ColumnSums.Accumulate(new WeightTerm<T, TM>(dy, xs, m, r, n, stride, perModulation, scale * n), rows, n, dWeight);
        if (own) return;
        Modulate.SumGroups(dY, null, dModulation, shift);
        ColumnSums.Groups(new ScaleTerm<T>(dy, xs, w, r, n), rows, perModulation, n, dModulation.Values, stride, scale * n, accumulate: false);
    }

    internal readonly struct ForwardKernel<T, TM>(
        DeviceView<T> x, DeviceView<float> weight, DeviceView<TM> modulation, DeviceView<T> y, DeviceView<float> rstd,
        int n, int stride, int rowsPerModulation, int shift, int scale) : IRowKernel
        where T : unmanaged, IStorage<T> where TM : unmanaged, IStorage<TM>
    {
        private readonly DeviceView<T> _x = x, _y = y;
        private readonly DeviceView<float> _weight = weight, _rstd = rstd;
        private readonly DeviceView<TM> _modulation = modulation;
        private readonly int _n = n, _stride = stride, _rowsPerModulation = rowsPerModulation, _shift = shift, _scale = scale;

        // snippet: kernel
        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _n, modulation = (long)(row / _rowsPerModulation) * _stride;
            float rstd = RmsNorm.RowRstd(_x, first, _n, lane, lanes);
            if (lane == 0) Scalar.Write(_rstd, row, rstd);
            Elements.For(new Each(this, first, modulation + _shift, modulation + _scale, rstd), 0, _n, lane, lanes);
        }
        // end of snippet

        private readonly struct Each(ForwardKernel<T, TM> a, long row, long shift, long scale, float rstd) : IEach
        {
            private readonly ForwardKernel<T, TM> _a = a;
            private readonly long _row = row, _shift = shift, _scale = scale;
            private readonly float _rstd = rstd;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                // snippet: formula
                S normed = L.Multiply(L.Multiply(L.Load(_a._x, _row + i), L.Set(_rstd)), L.Load(_a._weight, i));
                S scaled = L.Multiply(normed, L.Add(L.Set(1f), L.Load(_a._modulation, _scale + i)));
                L.Store(_a._y, _row + i, L.Add(scaled, L.Load(_a._modulation, _shift + i)));
                // end of snippet
            }
        }
    }

    internal readonly struct BackwardKernel<T, TM>(
        DeviceView<T> dY, DeviceView<T> x, DeviceView<float> weight, DeviceView<TM> modulation, DeviceView<float> rstd, DeviceView<T> dX, DeviceView<TM> dModulation,
        int n, int stride, int rowsPerModulation, int shift, int scale, int accumulate, int own) : IRowKernel
        where T : unmanaged, IStorage<T> where TM : unmanaged, IStorage<TM>
    {
        private readonly DeviceView<T> _dY = dY, _x = x, _dX = dX;
        private readonly DeviceView<float> _weight = weight, _rstd = rstd;
        private readonly DeviceView<TM> _modulation = modulation, _dModulation = dModulation;
        private readonly int _n = n, _stride = stride, _rowsPerModulation = rowsPerModulation, _shift = shift, _scale = scale, _accumulate = accumulate, _own = own;

        public void Run(int row, int lane, int lanes)
        {
            long first = (long)row * _n, modulation = (long)(row / _rowsPerModulation) * _stride;
            float rstd = Scalar.Read(_rstd, row);
            float along = Elements.Sum(new AlongTerm(this, first, modulation + _scale), _n, lane, lanes);
            Elements.For(new Each(this, first, modulation + _shift, modulation + _scale, rstd, along * rstd * rstd * rstd / _n), 0, _n, lane, lanes);
        }

        private readonly struct AlongTerm(BackwardKernel<T, TM> a, long row, long scale) : ITerm
        {
            private readonly BackwardKernel<T, TM> _a = a;
            private readonly long _row = row, _scale = scale;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S g = L.Multiply(L.Load(_a._dY, _row + i), L.Add(L.Set(1f), L.Load(_a._modulation, _scale + i)));
                return L.Multiply(L.Multiply(g, L.Load(_a._weight, i)), L.Load(_a._x, _row + i));
            }
        }

        private readonly struct Each(BackwardKernel<T, TM> a, long row, long shift, long scale, float rstd, float pull) : IEach
        {
            private readonly BackwardKernel<T, TM> _a = a;
            private readonly long _row = row, _shift = shift, _scale = scale;
            private readonly float _rstd = rstd, _pull = pull;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S dy = L.Load(_a._dY, _row + i), x = L.Load(_a._x, _row + i), weighted = L.Multiply(L.Load(_a._weight, i), L.Set(_rstd));
                S g = L.Multiply(dy, L.Add(L.Set(1f), L.Load(_a._modulation, _scale + i)));
                Elements.Put<L, S, T>(_a._dX, _row + i, L.MultiplyAdd(x, L.Set(-_pull), L.Multiply(g, weighted)), _a._accumulate);
                if (_a._own != 0)
                {
                    L.Store(_a._dModulation, _shift + i, dy);
                    L.Store(_a._dModulation, _scale + i, L.Multiply(dy, L.Multiply(weighted, x)));
                }
            }
        }
    }

    internal readonly struct WeightTerm<T, TM>(
        DeviceView<T> dY, DeviceView<T> x, DeviceView<TM> modulation, DeviceView<float> rstd, int n, int stride, int rowsPerModulation, int scale) : IColumnTerm
        where T : unmanaged, IStorage<T> where TM : unmanaged, IStorage<TM>
    {
        private readonly DeviceView<T> _dY = dY, _x = x;
        private readonly DeviceView<TM> _modulation = modulation;
        private readonly DeviceView<float> _rstd = rstd;
        private readonly int _n = n, _stride = stride, _rowsPerModulation = rowsPerModulation, _scale = scale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged
        {
            long i = ((long)row * _n) + column;
            S scale = L.Load(_modulation, ((long)(row / _rowsPerModulation) * _stride) + _scale + column);
            S g = L.Multiply(L.Load(_dY, i), L.Add(L.Set(1f), scale));
            return L.Multiply(L.Multiply(g, L.Load(_x, i)), L.Set(Scalar.Read(_rstd, row)));
        }
    }

    internal readonly struct ScaleTerm<T>(DeviceView<T> dY, DeviceView<T> x, DeviceView<float> weight, DeviceView<float> rstd, int n) : IColumnTerm where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY, _x = x;
        private readonly DeviceView<float> _weight = weight, _rstd = rstd;
        private readonly int _n = n;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged
        {
            long i = ((long)row * _n) + column;
            S normed = L.Multiply(L.Multiply(L.Load(_x, i), L.Load(_weight, column)), L.Set(Scalar.Read(_rstd, row)));
            return L.Multiply(L.Load(_dY, i), normed);
        }
    }
}
