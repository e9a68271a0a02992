using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// A row of a table for each label (SPEC §3.2). table [K, n], labels [B], y [B, n], all float32:
/// <code>
/// forward    y_b = table_(label b)
/// backward   dtable_(label b) += dy_b, image after image
/// </code>
/// Labels are checked on the host before they are uploaded.
/// </summary>
public static class Embedding
{
    /// <summary>y [B, n].</summary>
    public static void Forward(Tensor table, Tensor labels, Tensor y)
    {
        y.RequireCountOf("the rows of a table", labels.Count * table.Shape[^1]);
        int n = table.Shape[^1];
        y.Device.Launch(new ForwardKernel(table.View<float>(), labels.View<int>(), y.View<float>(), n), y.Shape.Rows, Elements.LanesFor(n));
    }

    /// <summary>dTable, added to.</summary>
    public static void Backward(Tensor dY, Tensor labels, Tensor dTable)
    {
        int n = dTable.Shape[^1];
        dY.Device.Launch(new BackwardKernel(dY.View<float>(), labels.View<int>(), dTable.View<float>(), n, dY.Shape.Rows), 1, Elements.MaxLanes);
    }

    private readonly struct AddRow(DeviceView<float> from, long first, DeviceView<float> to, long target, int accumulate) : IEach
    {
        private readonly DeviceView<float> _from = from, _to = to;
        private readonly long _first = first, _target = target;
        private readonly int _accumulate = accumulate;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S value = L.Load(_from, _first + i);
            if (_accumulate != 0) value = L.Add(L.Load(_to, _target + i), value);
            L.Store(_to, _target + i, value);
        }
    }

    internal readonly struct ForwardKernel(DeviceView<float> table, DeviceView<int> labels, DeviceView<float> y, int n) : IRowKernel
    {
        private readonly DeviceView<float> _table = table, _y = y;
        private readonly DeviceView<int> _labels = labels;
        private readonly int _n = n;

        public void Run(int image, int lane, int lanes)
            => Elements.For(new AddRow(_table, (long)Scalar.ReadLabel(_labels, image) * _n, _y, (long)image * _n, 0), 0, _n, lane, lanes);
    }

    internal readonly struct BackwardKernel(DeviceView<float> dY, DeviceView<int> labels, DeviceView<float> dTable, int n, int images) : IKernel
    {
        private readonly DeviceView<float> _dY = dY, _dTable = dTable;
        private readonly DeviceView<int> _labels = labels;
        private readonly int _n = n, _images = images;

        // A lane owns its columns, so images that share a label are added in order.
        public void Run(int item, int lane, int lanes)
        {
            for (int image = 0; image < _images; image++)
            {
                Elements.For(new AddRow(_dY, (long)image * _n, _dTable, (long)Scalar.ReadLabel(_labels, image) * _n, 1), 0, _n, lane, lanes);
            }
        }
    }
}

/// <summary>
/// A row of a table for each token, times a number: the beginning of Gemma. table [V, n] in float32 or bfloat16, ids [R], y [R, n] in float32; forward only:
/// <code>
/// y_r = scale·table_(id r)
/// </code>
/// Ids are checked on the host before they are uploaded.
/// </summary>
public static class ScaledEmbedding
{
    /// <summary>y [R, n].</summary>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(Tensor table, Tensor ids, float scale, Tensor y)
    {
        y.RequireCountOf("the rows of a table", ids.Count * table.Shape[^1]);
        if (table.Type == ElementType.BFloat16) Forward<BFloat16>(table, ids, scale, y);
        else Forward<Single32>(table, ids, scale, y);
    }

    private static void Forward<T>(Tensor table, Tensor ids, float scale, Tensor y) where T : unmanaged, IStorage<T>
    {
        int n = table.Shape[^1];
        y.Device.Launch(new ForwardKernel<T>(table.View<T>(), ids.View<int>(), y.View<float>(), n, scale), checked((int)ids.Count), Elements.LanesFor(n));
    }

    internal readonly struct ForwardKernel<T>(DeviceView<T> table, DeviceView<int> ids, DeviceView<float> y, int n, float scale) : IRowKernel where T : unmanaged, IStorage<T>
    {
        private readonly DeviceView<T> _table = table;
        private readonly DeviceView<int> _ids = ids;
        private readonly DeviceView<float> _y = y;
        private readonly int _n = n;
        private readonly float _scale = scale;

        public void Run(int row, int lane, int lanes)
            => Elements.For(new Each(_table, (long)Scalar.ReadLabel(_ids, row) * _n, _y, (long)row * _n, _scale), 0, _n, lane, lanes);

        private readonly struct Each(DeviceView<T> table, long from, DeviceView<float> y, long to, float scale) : IEach
        {
            private readonly DeviceView<T> _table = table;
            private readonly DeviceView<float> _y = y;
            private readonly long _from = from, _to = to;
            private readonly float _scale = scale;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
                => L.Store(_y, _to + i, L.Multiply(L.Load(_table, _from + i), L.Set(_scale)));
        }
    }
}
