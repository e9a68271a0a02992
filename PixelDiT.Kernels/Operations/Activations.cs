using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// SwiGLU's gate (SPEC §2). a, b, y of one shape:
/// <code>
/// forward    y = silu(a)·b
/// backward   da = dy·b·silu′(a)      db = dy·silu(a)
/// </code>
/// </summary>
public static class SwiGlu
{
    /// <summary>y = silu(a)·b.</summary>
    public static void Forward(Tensor a, Tensor b, Tensor y)
    {
        a.RequireSameCount(b, y);
        if (a.Type == ElementType.BFloat16) Map.Launch(a.Device, new ForwardEach<BFloat16>(a.View<BFloat16>(), b.View<BFloat16>(), y.View<BFloat16>()), a.Count);
        else Map.Launch(a.Device, new ForwardEach<Single32>(a.View<Single32>(), b.View<Single32>(), y.View<Single32>()), a.Count);
    }

    /// <summary>dA and dB, written.</summary>
    public static void Backward(Tensor dY, Tensor a, Tensor b, Tensor dA, Tensor dB)
    {
        a.RequireSameCount(dY, b, dA, dB);
        if (a.Type == ElementType.BFloat16) Backward<BFloat16>(dY, a, b, dA, dB);
        else Backward<Single32>(dY, a, b, dA, dB);
    }

    private static void Backward<T>(Tensor dY, Tensor a, Tensor b, Tensor dA, Tensor dB) where T : unmanaged, IStorage<T>
        => Map.Launch(a.Device, new BackwardEach<T>(dY.View<T>(), a.View<T>(), b.View<T>(), dA.View<T>(), dB.View<T>()), a.Count);

    internal readonly struct ForwardEach<T>(DeviceView<T> a, DeviceView<T> b, DeviceView<T> y) : IEach where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _a = a, _b = b, _y = y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            => L.Store(_y, i, L.Multiply(Formulas.Silu<L, S>(L.Load(_a, i)), L.Load(_b, i)));
    }

    internal readonly struct BackwardEach<T>(DeviceView<T> dY, DeviceView<T> a, DeviceView<T> b, DeviceView<T> dA, DeviceView<T> dB) : IEach where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY, _a = a, _b = b, _dA = dA, _dB = dB;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S a = L.Load(_a, i), dy = L.Load(_dY, i);
            S sigmoid = Formulas.Sigmoid<L, S>(a);
            S slope = L.Multiply(sigmoid, L.MultiplyAdd(a, L.Subtract(L.Set(1f), sigmoid), L.Set(1f)));
            L.Store(_dA, i, L.Multiply(L.Multiply(dy, L.Load(_b, i)), slope));
            L.Store(_dB, i, L.Multiply(dy, L.Multiply(a, sigmoid)));
        }
    }
}

/// <summary>
/// The gate of a feed-forward with the GELU of a hyperbolic tangent, as Gemma's have it (Shazeer 2020, "GEGLU"). a, b, y of one shape, float32; forward only:
/// <code>
/// y = gelu_tanh(a)·b        gelu_tanh(z) = z/2·(1 + tanh(√(2/π)·(z + 0.044715·z³)))
/// </code>
/// </summary>
public static class GeGlu
{
    /// <summary>y = gelu_tanh(a)·b; y may be a or b.</summary>
    /// <exception cref="ShapeException">The counts differ.</exception>
    public static void Forward(Tensor a, Tensor b, Tensor y)
    {
        a.RequireSameCount(b, y);
        Map.Launch(a.Device, new ForwardEach(a.View<float>(), b.View<float>(), y.View<float>()), a.Count);
    }

    internal readonly struct ForwardEach(DeviceView<float> a, DeviceView<float> b, DeviceView<float> y) : IEach
    {
        private readonly DeviceView<float> _a = a, _b = b, _y = y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            => L.Store(_y, i, L.Multiply(Formulas.GeluTanh<L, S>(L.Load(_a, i)), L.Load(_b, i)));
    }
}

/// <summary>
/// Exact GELU (SPEC §2), Φ the normal distribution function and φ its density:
/// <code>
/// forward    y = x·Φ(x)
/// backward   dx = dy·(Φ(x) + x·φ(x))
/// </code>
/// </summary>
public static class Gelu
{
    /// <summary>y = x·Φ(x).</summary>
    public static void Forward(Tensor x, Tensor y)
    {
        x.RequireSameCount(y);
        if (x.Type == ElementType.BFloat16) Map.Launch(x.Device, new ForwardEach<BFloat16>(x.View<BFloat16>(), y.View<BFloat16>()), x.Count);
        else Map.Launch(x.Device, new ForwardEach<Single32>(x.View<Single32>(), y.View<Single32>()), x.Count);
    }

    /// <summary>dX, written.</summary>
    public static void Backward(Tensor dY, Tensor x, Tensor dX)
    {
        x.RequireSameCount(dY, dX);
        if (x.Type == ElementType.BFloat16) Map.Launch(x.Device, new BackwardEach<BFloat16>(dY.View<BFloat16>(), x.View<BFloat16>(), dX.View<BFloat16>()), x.Count);
        else Map.Launch(x.Device, new BackwardEach<Single32>(dY.View<Single32>(), x.View<Single32>(), dX.View<Single32>()), x.Count);
    }

    internal readonly struct ForwardEach<T>(DeviceView<T> x, DeviceView<T> y) : IEach where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _x = x, _y = y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S x = L.Load(_x, i);
            L.Store(_y, i, L.Multiply(x, Formulas.NormalDistribution<L, S>(x, out _)));
        }
    }

    internal readonly struct BackwardEach<T>(DeviceView<T> dY, DeviceView<T> x, DeviceView<T> dX) : IEach where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY, _x = x, _dX = dX;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S x = L.Load(_x, i);
            S below = Formulas.NormalDistribution<L, S>(x, out S bell);
            L.Store(_dX, i, L.Multiply(L.Load(_dY, i), Formulas.GeluDerivative<L, S>(x, below, bell)));
        }
    }
}

/// <summary>
/// SiLU of a sum with a vector that a group of rows shares (SPEC §3.2, §3.4): c = silu(t_emb + y_emb) and s_cond = silu(t_emb + s).
/// x [R, n], shared [R / rowsPerGroup, n]:
/// <code>
/// forward    y_r = silu(x_r + shared_g),  g = r / rowsPerGroup
/// backward   dx_r = dy_r·silu′(x_r + shared_g)      dshared_g (=, +=) Σ of the same over the rows of g
/// </code>
/// The shared vector and its gradient are float32. Without one, plain SiLU.
/// </summary>
public static class AddSilu
{
    /// <summary>y = silu(x + shared).</summary>
    public static void Forward(Tensor x, Tensor? shared, int rowsPerGroup, Tensor y)
    {
        x.RequireSameCount(y);
        shared?.RequireCountOf("the shared vector", x.Count / rowsPerGroup);
        if (x.Type == ElementType.BFloat16) Forward<BFloat16>(x, shared, rowsPerGroup, y);
        else Forward<Single32>(x, shared, rowsPerGroup, y);
    }

    /// <summary>dX and dShared (null where not wanted), each written or added to.</summary>
    public static void Backward(Tensor dY, Tensor x, Tensor? shared, int rowsPerGroup, Tensor? dX, bool accumulateX, Tensor? dShared, bool accumulateShared)
    {
        x.RequireSameCount(dY, dX);
        shared?.RequireSameCount(dShared);
        if (x.Type == ElementType.BFloat16) Backward<BFloat16>(dY, x, shared, rowsPerGroup, dX, accumulateX, dShared, accumulateShared);
        else Backward<Single32>(dY, x, shared, rowsPerGroup, dX, accumulateX, dShared, accumulateShared);
    }

    private static void Forward<T>(Tensor x, Tensor? shared, int rowsPerGroup, Tensor y) where T : unmanaged, IStorage<T>
    {
        int n = x.Shape[^1];
        x.Device.Launch(new ForwardKernel<T>(x.View<T>(), shared is null ? default : shared.View<float>(), y.View<T>(), n, rowsPerGroup, shared is null ? 0 : 1), x.Shape.Rows, Elements.LanesFor(n));
    }

    private static void Backward<T>(Tensor dY, Tensor x, Tensor? shared, int rowsPerGroup, Tensor? dX, bool accumulateX, Tensor? dShared, bool accumulateShared)
        where T : unmanaged, IStorage<T>
    {
        int n = x.Shape[^1], rows = x.Shape.Rows;
        DeviceView<T> dy = dY.View<T>(), xs = x.View<T>();
        var group = shared is null ? default : shared.View<float>();
        int added = shared is null ? 0 : 1;
        if (dX is not null) x.Device.Launch(new InputKernel<T>(dy, xs, group, dX.View<T>(), n, rowsPerGroup, added, accumulateX ? 1 : 0), rows, Elements.LanesFor(n));
        if (dShared is not null) ColumnSums.Groups(new DerivativeTerm<T>(dy, xs, group, n, rowsPerGroup, added), rows, rowsPerGroup, n, dShared, n, 0, accumulateShared);
    }

    internal readonly struct ForwardKernel<T>(DeviceView<T> x, DeviceView<float> shared, DeviceView<T> y, int n, int rowsPerGroup, int added) : Devices.IRowKernel
        where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _x = x, _y = y;
        private readonly DeviceView<float> _shared = shared;
        private readonly int _n = n, _rowsPerGroup = rowsPerGroup, _added = added;

        public void Run(int row, int lane, int lanes) => Elements.For(new Each(this, (long)row * _n, (long)(row / _rowsPerGroup) * _n), 0, _n, lane, lanes);

        private readonly struct Each(ForwardKernel<T> a, long row, long group) : IEach
        {
            private readonly ForwardKernel<T> _a = a;
            private readonly long _row = row, _group = group;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S sum = L.Load(_a._x, _row + i);
                if (_a._added != 0) sum = L.Add(sum, L.Load(_a._shared, _group + i));
                L.Store(_a._y, _row + i, Formulas.Silu<L, S>(sum));
            }
        }
    }

    internal readonly struct InputKernel<T>(DeviceView<T> dY, DeviceView<T> x, DeviceView<float> shared, DeviceView<T> dX, int n, int rowsPerGroup, int added, int accumulate) : Devices.IRowKernel
        where T : unmanaged, IStorage<T>
    {
        private readonly DerivativeTerm<T> _slope = new(dY, x, shared, n, rowsPerGroup, added);
        private readonly DeviceView<T> _dX = dX;
        private readonly int _n = n, _accumulate = accumulate;

        public void Run(int row, int lane, int lanes) => Elements.For(new Each(this, row), 0, _n, lane, lanes);

        private readonly struct Each(InputKernel<T> a, int row) : IEach
        {
            private readonly InputKernel<T> _a = a;
            private readonly int _row = row;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
                => Elements.Put<L, S, T>(_a._dX, ((long)_row * _a._n) + i, _a._slope.At<L, S>(_row, (int)i), _a._accumulate);
        }
    }

    internal readonly struct DerivativeTerm<T>(DeviceView<T> dY, DeviceView<T> x, DeviceView<float> shared, int n, int rowsPerGroup, int added) : IColumnTerm where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY, _x = x;
        private readonly DeviceView<float> _shared = shared;
        private readonly int _n = n, _rowsPerGroup = rowsPerGroup, _added = added;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged
        {
            long i = ((long)row * _n) + column;
            S sum = L.Load(_x, i);
            if (_added != 0) sum = L.Add(sum, L.Load(_shared, ((long)(row / _rowsPerGroup) * _n) + column));
            return L.Multiply(L.Load(_dY, i), Formulas.SiluDerivative<L, S>(sum));
        }
    }
}

/// <summary>
/// ReLU of rows, into columns of wider rows. x [R, n], y [R, N] with N ≥ n; float32, forward only:
/// <code>
/// y[r, o + i] = max(0, x[r, i])
/// </code>
/// </summary>
public static class Relu
{
    /// <summary>Columns <paramref name="column"/> onward of y, written; y may be x.</summary>
    /// <param name="x">[R, n].</param>
    /// <param name="y">[R, N].</param>
    /// <param name="column">o.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(Tensor x, Tensor y, int column = 0)
    {
        int n = x.Shape[^1], width = y.Shape[^1];
        if (x.Shape.Rows != y.Shape.Rows) throw new ShapeException($"x {x.Shape} has {x.Shape.Rows} rows and y {y.Shape} has {y.Shape.Rows}");
        if (column < 0 || column + n > width) throw new ShapeException($"columns {column} to {column + n} lie beyond a tensor {y.Shape}");
        x.Device.Launch(new Kernel(x.View<float>(), y.View<float>(), n, width, column), x.Shape.Rows, Elements.LanesFor(n));
    }

    internal readonly struct Kernel(DeviceView<float> x, DeviceView<float> y, int n, int width, int column) : Devices.IRowKernel
    {
        private readonly DeviceView<float> _x = x, _y = y;
        private readonly int _n = n, _width = width, _column = column;

        public void Run(int row, int lane, int lanes) => Elements.For(new Each(_x, _y, (long)row * _n, ((long)row * _width) + _column), 0, _n, lane, lanes);

        private readonly struct Each(DeviceView<float> x, DeviceView<float> y, long source, long target) : IEach
        {
            private readonly DeviceView<float> _x = x, _y = y;
            private readonly long _source = source, _target = target;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Store(_y, _target + i, L.Max(L.Load(_x, _source + i), L.Set(0)));
        }
    }
}
