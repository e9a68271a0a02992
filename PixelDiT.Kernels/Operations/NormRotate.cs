using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// What queries and keys pass before attention (SPEC §2): RMSNorm over the head's width with its own weight, then rotation by the token's position.
/// qkv [B, L, 3, h, hd]; part 0 is q, 1 is k; y [B, L, h, hd]; w [hd]; rstd [B, L, h]; the table holds cos and signed sin, each [L, hd]:
/// channel 2j has (cos, −sin) of its pair's angle and channel 2j + 1 has (cos, +sin), so that with i′ the pair's other channel
/// <code>
/// forward    z_i = w_i·x_i·rstd       y_i = z_i·cos_i + z_i′·sin_i
/// backward   dz_i = dy_i·cos_i − dy_i′·sin_i, then RMSNorm's backward into dqkv's part;  dw += Σ dz·x·rstd
/// </code>
/// </summary>
public static class NormRotate
{
    /// <summary>y [B, L, h, hd] and rstd [B, L, h] from one part of qkv.</summary>
    public static void Forward(Tensor qkv, int part, Tensor weight, RotaryTable table, Tensor y, Tensor rstd)
    {
        if (qkv.Shape.Rank != 5 || qkv.Shape[2] != 3) throw new ShapeException($"qkv is [B, L, 3, h, hd]; {qkv.Shape} was given");
        y.RequireCountOf("queries or keys", qkv.Count / 3);
        weight.RequireCountOf("the weight of a norm", qkv.Shape[^1]);
        table.Cos.RequireCountOf("a rotary table", (long)qkv.Shape[1] * qkv.Shape[^1]);
        rstd.RequireCountOf("rstd", qkv.Count / 3 / qkv.Shape[^1]);
        if (qkv.Type == ElementType.BFloat16) Forward<BFloat16>(qkv, part, weight, table, y, rstd);
        else Forward<Single32>(qkv, part, weight, table, y, rstd);
    }

    /// <summary>One part of dQkv (written) and dWeight (added to; null where it is not wanted).</summary>
    public static void Backward(Tensor dY, Tensor qkv, int part, Tensor weight, RotaryTable table, Tensor rstd, Tensor dQkv, Tensor? dWeight)
    {
        if (qkv.Type == ElementType.BFloat16) Backward<BFloat16>(dY, qkv, part, weight, table, rstd, dQkv, dWeight);
        else Backward<Single32>(dY, qkv, part, weight, table, rstd, dQkv, dWeight);
    }

    private static void Forward<T>(Tensor qkv, int part, Tensor weight, RotaryTable table, Tensor y, Tensor rstd) where T : unmanaged, IStorage<T>
    {
        var at = new Layout(qkv, part);
        qkv.Device.Launch(new ForwardKernel<T>(qkv.View<T>(), weight.View<float>(), table.Cos.View<float>(), table.Sin.View<float>(), y.View<T>(), rstd.View<float>(), at), y.Shape.Rows, Elements.LanesFor(at.Width));
    }

    private static void Backward<T>(Tensor dY, Tensor qkv, int part, Tensor weight, RotaryTable table, Tensor rstd, Tensor dQkv, Tensor? dWeight) where T : unmanaged, IStorage<T>
    {
        var at = new Layout(qkv, part);
        int rows = dY.Shape.Rows;
        DeviceView<float> cos = table.Cos.View<float>(), sin = table.Sin.View<float>();
        qkv.Device.Launch(new BackwardKernel<T>(dY.View<T>(), qkv.View<T>(), weight.View<float>(), cos, sin, rstd.View<float>(), dQkv.View<T>(), at), rows, Elements.LanesFor(at.Width));
        if (dWeight is not null) ColumnSums.Accumulate(new WeightTerm<T>(dY.View<T>(), qkv.View<T>(), cos, sin, rstd.View<float>(), at), rows, at.Width, dWeight);
    }

    /// <summary>Where a row (image, token, head) lies in qkv and in the table.</summary>
    internal readonly struct Layout(Tensor qkv, int part)
    {
        private readonly int _part = part, _tokens = qkv.Shape[1], _heads = qkv.Shape[3];

        public int Width { get; } = qkv.Shape[4];

        public long Qkv(int row)
        {
            int token = row / _heads, head = row - (token * _heads);
            return ((((long)token * 3) + _part) * _heads + head) * Width;
        }

        public long Table(int row) => (long)(row / _heads % _tokens) * Width;
    }

    internal readonly struct ForwardKernel<T>(
        DeviceView<T> qkv, DeviceView<float> weight, DeviceView<float> cos, DeviceView<float> sin, DeviceView<T> y, DeviceView<float> rstd, Layout at) : IRowKernel
        where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _qkv = qkv, _y = y;
        private readonly DeviceView<float> _weight = weight, _cos = cos, _sin = sin, _rstd = rstd;
        private readonly Layout _at = at;

        public void Run(int row, int lane, int lanes)
        {
            int n = _at.Width;
            long x = _at.Qkv(row);
            float rstd = RmsNorm.RowRstd(_qkv, x, n, lane, lanes);
            if (lane == 0) Scalar.Write(_rstd, row, rstd);
            Elements.For(new Each(this, x, _at.Table(row), (long)row * n, rstd), 0, n, lane, lanes);
        }

        private readonly struct Each(ForwardKernel<T> a, long x, long table, long y, float rstd) : IEach
        {
            private readonly ForwardKernel<T> _a = a;
            private readonly long _x = x, _table = table, _y = y;
            private readonly float _rstd = rstd;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S rstd = L.Set(_rstd);
                S own = L.Multiply(L.Multiply(L.Load(_a._qkv, _x + i), rstd), L.Load(_a._weight, i));
                S other = L.Multiply(L.Multiply(L.LoadSwapped(_a._qkv, _x + i), rstd), L.LoadSwapped(_a._weight, i));
                L.Store(_a._y, _y + i, L.MultiplyAdd(own, L.Load(_a._cos, _table + i), L.Multiply(other, L.Load(_a._sin, _table + i))));
            }
        }
    }

    internal readonly struct BackwardKernel<T>(
        DeviceView<T> dY, DeviceView<T> qkv, DeviceView<float> weight, DeviceView<float> cos, DeviceView<float> sin, DeviceView<float> rstd, DeviceView<T> dQkv, Layout at) : IRowKernel
        where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY, _qkv = qkv, _dQkv = dQkv;
        private readonly DeviceView<float> _weight = weight, _cos = cos, _sin = sin, _rstd = rstd;
        private readonly Layout _at = at;

        public void Run(int row, int lane, int lanes)
        {
            int n = _at.Width;
            long x = _at.Qkv(row), table = _at.Table(row), y = (long)row * n;
            float rstd = Scalar.Read(_rstd, row);
            float along = Elements.Sum(new AlongTerm(this, x, table, y), n, lane, lanes);
            Elements.For(new Each(this, x, table, y, rstd, along * rstd * rstd * rstd / n), 0, n, lane, lanes);
        }

        private readonly struct AlongTerm(BackwardKernel<T> a, long x, long table, long y) : ITerm
        {
            private readonly BackwardKernel<T> _a = a;
            private readonly long _x = x, _table = table, _y = y;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
                => L.Multiply(L.Multiply(Unrotate<L, S, T>(_a._dY, _y + i, _a._cos, _a._sin, _table + i), L.Load(_a._weight, i)), L.Load(_a._qkv, _x + i));
        }

        private readonly struct Each(BackwardKernel<T> a, long x, long table, long y, float rstd, float pull) : IEach
        {
            private readonly BackwardKernel<T> _a = a;
            private readonly long _x = x, _table = table, _y = y;
            private readonly float _rstd = rstd, _pull = pull;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S dz = Unrotate<L, S, T>(_a._dY, _y + i, _a._cos, _a._sin, _table + i);
                S direct = L.Multiply(L.Multiply(dz, L.Load(_a._weight, i)), L.Set(_rstd));
                L.Store(_a._dQkv, _x + i, L.MultiplyAdd(L.Load(_a._qkv, _x + i), L.Set(-_pull), direct));
            }
        }
    }

    internal readonly struct WeightTerm<T>(
        DeviceView<T> dY, DeviceView<T> qkv, DeviceView<float> cos, DeviceView<float> sin, DeviceView<float> rstd, Layout at) : IColumnTerm
        where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _dY = dY, _qkv = qkv;
        private readonly DeviceView<float> _cos = cos, _sin = sin, _rstd = rstd;
        private readonly Layout _at = at;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged
        {
            S dz = Unrotate<L, S, T>(_dY, ((long)row * _at.Width) + column, _cos, _sin, _at.Table(row) + column);
            return L.Multiply(L.Multiply(dz, L.Load(_qkv, _at.Qkv(row) + column)), L.Set(Scalar.Read(_rstd, row)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static S Unrotate<L, S, T>(DeviceView<T> dY, long y, DeviceView<float> cos, DeviceView<float> sin, long table)
        where L : struct, ILanes<S> where S : unmanaged where T : unmanaged, IStorage<T>
        => L.Subtract(L.Multiply(L.Load(dY, y), L.Load(cos, table)), L.Multiply(L.LoadSwapped(dY, y), L.Load(sin, table)));
}
