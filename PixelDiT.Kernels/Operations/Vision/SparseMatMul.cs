using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Vision;

/// <summary>
/// A sparse matrix times the rows of each image. S [m, n] in compressed rows, x [B, n, D], y [B, m, D], float32:
/// <code>
/// forward    y_b  = S·x_b
/// backward   dx_b (=, +=) Sᵀ·dy_b
/// </code>
/// A row's terms are added in the order of its entries.
/// </summary>
public static class SparseMatMul
{
    /// <summary>y [B, m, D] from x [B, n, D]; with the transpose, gradients.</summary>
    /// <param name="matrix">S.</param>
    /// <param name="x">[B, n, D].</param>
    /// <param name="y">[B, m, D]; not x.</param>
    /// <param name="accumulate">Whether to add to what is there.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static void Forward(CsrMatrix matrix, Tensor x, Tensor y, bool accumulate = false)
    {
        int n = x.Shape[^1];
        if (x.Shape.Rank != 3 || x.Shape[1] != matrix.Columns) throw new ShapeException($"a matrix of {matrix.Rows}×{matrix.Columns} does not fit rows {x.Shape}");
        y.RequireCountOf("the rows of a product", (long)x.Shape[0] * matrix.Rows * n);
        x.Device.Launch(
            new ForwardKernel(
                matrix.Offsets.View<int>(), matrix.Indices.View<int>(), matrix.Weights.View<float>(), x.View<float>(), y.View<Single32>(), matrix.Rows, matrix.Columns, n, accumulate ? 1 : 0),
            checked(x.Shape[0] * matrix.Rows), Elements.LanesFor(n));
    }

    internal readonly struct ForwardKernel(
        DeviceView<int> offsets, DeviceView<int> indices, DeviceView<float> weights, DeviceView<float> x, DeviceView<Single32> y, int rows, int columns, int n, int accumulate) : IRowKernel
    {
        private readonly DeviceView<int> _offsets = offsets, _indices = indices;
        private readonly DeviceView<float> _weights = weights, _x = x;
        private readonly DeviceView<Single32> _y = y;
        private readonly int _rows = rows, _columns = columns, _n = n, _accumulate = accumulate;

        public void Run(int item, int lane, int lanes)
        {
            int image = item / _rows, row = item - (image * _rows);
            int first = Scalar.ReadLabel(_offsets, row), end = Scalar.ReadLabel(_offsets, row + 1);
            Elements.For(new Each(this, (long)image * _columns * _n, (long)item * _n, first, end), 0, _n, lane, lanes);
        }

        private readonly struct Each(ForwardKernel a, long from, long to, int first, int end) : IEach
        {
            private readonly ForwardKernel _a = a;
            private readonly long _from = from, _to = to;
            private readonly int _first = first, _end = end;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S sum = L.Set(0f);
                for (int k = _first; k < _end; k++)
                {
                    long row = _from + ((long)Scalar.ReadLabel(_a._indices, k) * _a._n);
                    sum = L.MultiplyAdd(L.Load(_a._x, row + i), L.Set(Scalar.Read(_a._weights, k)), sum);
                }
                Elements.Put<L, S, Single32>(_a._y, _to + i, sum, _a._accumulate);
            }
        }
    }
}
