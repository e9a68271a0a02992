using ILGPU;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// The way of a group's sums to C: bias, an epilogue, what is there already where the product accumulates, and rounding to the storage. Registers hold them scattered; through
/// shared memory, 64 rows at a time, each thread gets four columns side by side, so that C is read and written in whole lines of memory.
/// </summary>
internal readonly struct TileStore<TC, TEpilogue>(DeviceView<TC> c, DeviceView<float> bias, TiledProductSizes sizes, int slice, long shared, TEpilogue epilogue)
    where TC : unmanaged, IStorage<TC> where TEpilogue : struct, IEpilogue
{
    private const int HalfRows = MmaTile.Size / 2, QuadColumns = 4;

    /// <summary>Bytes from a row to the next in shared memory: eight banks beyond a whole turn, so that the pairs of four rows lie in different banks.</summary>
    private const int LineBytes = (MmaTile.Size + 8) * 4;

    private readonly DeviceView<TC> _c = c;
    private readonly DeviceView<float> _bias = bias;
    private readonly TiledProductSizes _sizes = sizes;
    private readonly int _slice = slice;
    private readonly long _shared = shared;
    private readonly TEpilogue _epilogue = epilogue;

    /// <summary>Writes the tile as far as C has it.</summary>
    /// <param name="sums">What the thread holds.</param>
    /// <param name="row">The tile's first row.</param>
    /// <param name="column">The tile's first column.</param>
    /// <param name="thread">The thread of the group.</param>
    public void Store<TSums>(TSums sums, int row, int column, int thread) where TSums : struct, IAccumulatorTile
    {
        for (int half = 0; half < MmaTile.Size; half += HalfRows)
        {
            Group.Barrier();
            sums.StoreShared(_shared, LineBytes, half, thread);
            Group.Barrier();
            for (int i = thread; i < HalfRows * MmaTile.Size / QuadColumns; i += MmaTile.Threads)
            {
                int line = i / (MmaTile.Size / QuadColumns), quad = i % (MmaTile.Size / QuadColumns);
                int r = row + half + line, j = column + (quad * QuadColumns);
                if (r < _sizes.M && j < _sizes.N) Write(r, j, Memory.LoadSharedQuad(_shared + (line * LineBytes) + (quad * 16)));
            }
        }
    }

    private void Write(int row, int column, UInt4 bits)
    {
        long place = (_slice * _sizes.CSlice) + ((long)row * _sizes.N) + column;
        Float4 values = Float4.AsFloats(bits);
        if (_sizes.AlignedC == 0)
        {
            Write(place, column, values.X);
            Write(place + 1, column + 1, values.Y);
            Write(place + 2, column + 2, values.Z);
            Write(place + 3, column + 3, values.W);
            return;
        }
        if (_sizes.HasBias != 0) values = Float4.Add(values, new() { X = _bias[column], Y = _bias[column + 1], Z = _bias[column + 2], W = _bias[column + 3] });
        values = _epilogue.Apply(place, values);
        if (_sizes.Accumulate != 0) values = Float4.Add(values, Float4.Read(_c, place));
        Float4.Write(_c, place, values);
    }

    // Where lines of C are not aligned a product has no epilogue.
    private void Write(long place, int column, float value)
    {
        if (column >= _sizes.N) return;
        if (_sizes.HasBias != 0) value += _bias[column];
        if (_sizes.Accumulate != 0) value += TC.ToSingle(_c[place]);
        _c[place] = TC.FromSingle(value);
    }
}
