using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The modulation of AdaLN (SPEC §2, §3.5) and its two residual forms. x, y, u [R, n]; shift, scale, gate are chunks of a <see cref="ModulationLayout"/>, row r uses row m = r / rowsPerModulation:
/// <code>
/// Modulate       y = base + x·(1 + scale_m) + shift_m     base = 0, or the residual stream (post-modulation)
///   backward     dx (=, +=) dy·(1 + scale_m)   dshift_m = Σ dy   dscale_m = Σ dy·x   dbase = dy (handed over by the tape)
/// Gate           y = base + gate_m·x
///   backward     dx (=, +=) dy·gate_m          dgate_m = Σ dy·x
/// </code>
/// Σ runs over the rows that share m. Gradients of the modulation are written, not added to: a chunk has one consumer.
/// </summary>
public static class Modulate
{
    /// <summary>y = [base +] x·(1 + scale) + shift.</summary>
    public static void Forward(Tensor x, Tensor? residual, ModulationLayout modulation, int shift, int scale, Tensor y)
    {
        x.RequireSameCount(residual, y);
        modulation.Require(x.Shape, x.Type, shift, scale);
        Forward(x, residual, modulation, scale, shift, one: 1f, y);
    }

    /// <summary>dX and the chunks <paramref name="shift"/> and <paramref name="scale"/> of dModulation.</summary>
    public static void Backward(Tensor dY, Tensor x, ModulationLayout modulation, int shift, int scale, Tensor? dX, bool accumulate, ModulationLayout dModulation)
        => Backward(dY, x, modulation, scale, shift, one: 1f, dX, accumulate, dModulation);

    /// <summary>y = base + gate·x.</summary>
    public static void ForwardGate(Tensor x, Tensor residual, ModulationLayout modulation, int gate, Tensor y)
    {
        x.RequireSameCount(residual, y);
        modulation.Require(x.Shape, x.Type, gate);
        Forward(x, residual, modulation, gate, shift: -1, one: 0f, y);
    }

    /// <summary>dX and the chunk <paramref name="gate"/> of dModulation.</summary>
    public static void BackwardGate(Tensor dY, Tensor x, ModulationLayout modulation, int gate, Tensor? dX, bool accumulate, ModulationLayout dModulation)
        => Backward(dY, x, modulation, gate, shift: -1, one: 0f, dX, accumulate, dModulation);

    private static void Forward(Tensor x, Tensor? residual, ModulationLayout modulation, int scale, int shift, float one, Tensor y)
    {
        if (modulation.Values.Type == ElementType.BFloat16) Forward<BFloat16, BFloat16>(x, residual, modulation, scale, shift, one, y);
        else if (x.Type == ElementType.BFloat16) Forward<BFloat16, Single32>(x, residual, modulation, scale, shift, one, y);
        else Forward<Single32, Single32>(x, residual, modulation, scale, shift, one, y);
    }

    private static void Forward<T, TM>(Tensor x, Tensor? residual, ModulationLayout modulation, int scale, int shift, float one, Tensor y)
        where T : unmanaged, IStorage<T> where TM : unmanaged, IStorage<TM>
    {
        int n = x.Shape[^1];
        x.Device.Launch(new ForwardKernel<T, TM>(
            x.View<T>(), (residual ?? x).View<T>(), modulation.Values.View<TM>(), y.View<T>(),
            n, modulation.Chunks * n, modulation.RowsPerModulation, scale * n, Math.Max(shift, 0) * n, shift >= 0 ? 1 : 0, residual is null ? 0 : 1, one), x.Shape.Rows, Elements.LanesFor(n));
    }

    private static void Backward(Tensor dY, Tensor x, ModulationLayout modulation, int scale, int shift, float one, Tensor? dX, bool accumulate, ModulationLayout dModulation)
    {
        if (modulation.Values.Type == ElementType.BFloat16) Backward<BFloat16, BFloat16>(dY, x, modulation, scale, shift, one, dX, accumulate, dModulation);
        else if (x.Type == ElementType.BFloat16) Backward<BFloat16, Single32>(dY, x, modulation, scale, shift, one, dX, accumulate, dModulation);
        else Backward<Single32, Single32>(dY, x, modulation, scale, shift, one, dX, accumulate, dModulation);
    }

    private static void Backward<T, TM>(Tensor dY, Tensor x, ModulationLayout modulation, int scale, int shift, float one, Tensor? dX, bool accumulate, ModulationLayout dModulation)
        where T : unmanaged, IStorage<T> where TM : unmanaged, IStorage<TM>
    {
        int n = dY.Shape[^1], perModulation = modulation.RowsPerModulation;
        // With a modulation of its own, a row's own kernel writes the modulation's gradient and nothing is left to sum.
        bool own = perModulation == 1;
        if (own || dX is not null)
        {
            dY.Device.Launch(new BackwardKernel<T, TM>(
                dY.View<T>(), x.View<T>(), modulation.Values.View<TM>(), (dX ?? dY).View<T>(), dModulation.Values.View<TM>(), n, modulation.Chunks * n, perModulation,
                scale * n, Math.Max(shift, 0) * n, shift >= 0 ? 1 : 0, one, dX is null ? 0 : 1, accumulate ? 1 : 0, own ? 1 : 0), dY.Shape.Rows, Elements.LanesFor(n));
        }
        if (own) return;
        SumGroups(dY, x, dModulation, scale);
        if (shift >= 0) SumGroups(dY, null, dModulation, shift);
    }

    /// <summary>A chunk of dModulation = Σ over the rows that share it of dy, or of dy·x.</summary>
    internal static void SumGroups(Tensor dY, Tensor? x, ModulationLayout dModulation, int chunk)
    {
        if (dY.Type == ElementType.BFloat16) SumGroups<BFloat16>(dY, x, dModulation, chunk);
        else SumGroups<Single32>(dY, x, dModulation, chunk);
    }

    private static void SumGroups<T>(Tensor dY, Tensor? x, ModulationLayout dModulation, int chunk) where T : unmanaged, IStorage<T>
    {
        int n = dY.Shape[^1], rows = dY.Shape.Rows, stride = dModulation.Chunks * n;
        if (x is null) ColumnSums.Groups(new SumTerm<T>(dY.View<T>(), n), rows, dModulation.RowsPerModulation, n, dModulation.Values, stride, chunk * n, accumulate: false);
        else ColumnSums.Groups(new ProductTerm<T>(dY.View<T>(), x.View<T>(), n), rows, dModulation.RowsPerModulation, n, dModulation.Values, stride, chunk * n, accumulate: false);
    }

    internal readonly struct ForwardKernel<T, TM>(
        DeviceView<T> x, DeviceView<T> residual, DeviceView<TM> modulation, DeviceView<T> y,
        int n, int stride, int rowsPerModulation, int scale, int shift, int shifted, int added, float one) : IRowKernel
        where T : unmanaged, IStorage<T> where TM : unmanaged, IStorage<TM>
    {
        private readonly DeviceView<T> _x = x, _residual = residual, _y = y;
        private readonly DeviceView<TM> _modulation = modulation;
        private readonly int _n = n, _stride = stride, _rowsPerModulation = rowsPerModulation, _scale = scale, _shift = shift, _shifted = shifted, _added = added;
        private readonly float _one = one;

        public void Run(int row, int lane, int lanes)
        {
            long modulation = (long)(row / _rowsPerModulation) * _stride;
            Elements.For(new Each(this, (long)row * _n, modulation + _scale, modulation + _shift), 0, _n, lane, lanes);
        }

        private readonly struct Each(ForwardKernel<T, TM> a, long row, long scale, long shift) : IEach
        {
            private readonly ForwardKernel<T, TM> _a = a;
            private readonly long _row = row, _scale = scale, _shift = shift;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                // A gate is a scale without the 1: one is 1 for a modulation and 0 for a gate.
                S y = L.Multiply(L.Load(_a._x, _row + i), L.Add(L.Set(_a._one), L.Load(_a._modulation, _scale + i)));
                if (_a._shifted != 0) y = L.Add(y, L.Load(_a._modulation, _shift + i));
                if (_a._added != 0) y = L.Add(L.Load(_a._residual, _row + i), y);
                L.Store(_a._y, _row + i, y);
            }
        }
    }

    internal readonly struct BackwardKernel<T, TM>(
        DeviceView<T> dY, DeviceView<T> x, DeviceView<TM> modulation, DeviceView<T> dX, DeviceView<TM> dModulation, int n, int stride, int rowsPerModulation,
        int scale, int shift, int shifted, float one, int wanted, int accumulate, int own) : IRowKernel
        where T : unmanaged, IStorage<T> where TM : unmanaged, IStorage<TM>
    {
        private readonly DeviceView<T> _dY = dY, _x = x, _dX = dX;
        private readonly DeviceView<TM> _modulation = modulation, _dModulation = dModulation;
        private readonly int _n = n, _stride = stride, _rowsPerModulation = rowsPerModulation, _scale = scale, _shift = shift, _shifted = shifted, _wanted = wanted, _accumulate = accumulate, _own = own;
        private readonly float _one = one;

        public void Run(int row, int lane, int lanes)
        {
            long modulation = (long)(row / _rowsPerModulation) * _stride;
            Elements.For(new Each(this, (long)row * _n, modulation + _scale, modulation + _shift), 0, _n, lane, lanes);
        }

        private readonly struct Each(BackwardKernel<T, TM> a, long row, long scale, long shift) : IEach
        {
            private readonly BackwardKernel<T, TM> _a = a;
            private readonly long _row = row, _scale = scale, _shift = shift;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S dy = L.Load(_a._dY, _row + i);
                if (_a._own != 0)
                {
                    L.Store(_a._dModulation, _scale + i, L.Multiply(dy, L.Load(_a._x, _row + i)));
                    if (_a._shifted != 0) L.Store(_a._dModulation, _shift + i, dy);
                }
                if (_a._wanted != 0) Elements.Put<L, S, T>(_a._dX, _row + i, L.Multiply(dy, L.Add(L.Set(_a._one), L.Load(_a._modulation, _scale + i))), _a._accumulate);
            }
        }
    }

    internal readonly struct SumTerm<T>(DeviceView<T> dY, int n) : IColumnTerm where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY;
        private readonly int _n = n;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged => L.Load(_dY, ((long)row * _n) + column);
    }

    internal readonly struct ProductTerm<T>(DeviceView<T> dY, DeviceView<T> x, int n) : IColumnTerm where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY, _x = x;
        private readonly int _n = n;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged
        {
            long i = ((long)row * _n) + column;
            return L.Multiply(L.Load(_dY, i), L.Load(_x, i));
        }
    }
}
