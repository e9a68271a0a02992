using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Rows;

/// <summary>
/// Sums over rows: the gradients of weights that all rows share, and of modulations that a group of rows shares. Rows are cut into segments of
/// fixed length; each column of a segment is summed row after row, then the segments in order, so the bits do not depend on who sums what.
/// </summary>
internal static class ColumnSums
{
    private const int SegmentRows = 512;
    private const int BlockColumns = 64;

    /// <summary>target[c] += Σ over all rows of term(row, c).</summary>
    public static void Accumulate<TTerm>(TTerm term, int rows, int columns, Tensor target) where TTerm : struct, IColumnTerm
    {
        var device = target.Device;
        if (rows <= SegmentRows)
        {
            Launch(device, term, rows, rows, columns, target.View<float>(), 0, 0, accumulate: 1);
            return;
        }
        int segments = (rows + SegmentRows - 1) / SegmentRows;
        using var partials = device.Allocate([segments, columns]);
        Launch(device, term, rows, SegmentRows, columns, partials.View<float>(), columns, 0, accumulate: 0);
        Launch(device, new PartialTerm(partials.View<float>(), columns), segments, segments, columns, target.View<float>(), 0, 0, accumulate: 1);
    }

    /// <summary>target[g·stride + offset + c] = Σ over the rows of group g of term(row, c).</summary>
    public static void Groups<TTerm>(TTerm term, int rows, int rowsPerGroup, int columns, Tensor target, int stride, int offset, bool accumulate) where TTerm : struct, IColumnTerm
        => Launch(target.Device, term, rows, rowsPerGroup, columns, target.View<float>(), stride, offset, accumulate ? 1 : 0);

    private static void Launch<TTerm>(
        Device device, TTerm term, int rows, int rowsPerSegment, int columns, DeviceView<float> output, long stride, long offset, int accumulate)
        where TTerm : struct, IColumnTerm
    {
        int blocks = (columns + BlockColumns - 1) / BlockColumns, segments = (rows + rowsPerSegment - 1) / rowsPerSegment;
        device.Launch(new ColumnSumKernel<TTerm>(term, output, rows, rowsPerSegment, columns, blocks, stride, offset, accumulate), segments * blocks, Elements.LanesForColumns(Math.Min(rows, rowsPerSegment), columns));
    }

    internal readonly struct PartialTerm(DeviceView<float> partials, int columns) : IColumnTerm
    {
        private readonly DeviceView<float> _partials = partials;
        private readonly int _columns = columns;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged => L.Load(_partials, ((long)row * _columns) + column);
    }

    internal readonly struct ColumnSumKernel<TTerm>(
        TTerm term, DeviceView<float> output, int rows, int rowsPerSegment, int columns, int blocks, long stride, long offset, int accumulate) : IRowKernel
        where TTerm : struct, IColumnTerm
    {
        private readonly TTerm _term = term;
        private readonly DeviceView<float> _output = output;
        private readonly int _rows = rows, _rowsPerSegment = rowsPerSegment, _columns = columns, _blocks = blocks, _accumulate = accumulate;
        private readonly long _stride = stride, _offset = offset;

        public void Run(int item, int lane, int lanes)
        {
            int segment = item / _blocks, column = (item - (segment * _blocks)) * BlockColumns;
            int first = segment * _rowsPerSegment, end = first + _rowsPerSegment;
            if (end > _rows) end = _rows;
            int endColumn = column + BlockColumns;
            if (endColumn > _columns) endColumn = _columns;
            Elements.SumColumns(_term, first, end, column, endColumn, _output, (segment * _stride) + _offset, _accumulate, lane, lanes);
        }
    }
}
