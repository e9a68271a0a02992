using ILGPU;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The way of a group's sums to C: bias, what is there already where the product accumulates, and rounding to the storage. A warp's lanes hold pairs of columns; through shared memory, 64 rows
/// at a time, each thread gets four columns side by side, so that C is read and written in whole lines of memory.
/// </summary>
internal readonly struct TensorResult<TC>(DeviceView<TC> c, DeviceView<float> bias, TensorProductSizes sizes, int slice, long shared) where TC : unmanaged, IStorage<TC>
{
    private const int HalfRows = OperandTile.Size / 2, QuadColumns = 4;

    /// <summary>Bytes from a row to the next in shared memory: eight banks beyond a whole turn, so that the pairs of four rows lie in different banks.</summary>
    private const int LineBytes = (OperandTile.Size + 8) * 4;

    private readonly DeviceView<TC> _c = c;
    private readonly DeviceView<float> _bias = bias;
    private readonly TensorProductSizes _sizes = sizes;
    private readonly int _slice = slice;
    private readonly long _shared = shared;

    /// <summary>Writes the tile as far as C has it.</summary>
    /// <param name="sums">A warp's 64 rows by 32 columns.</param>
    /// <param name="row">The tile's first row.</param>
    /// <param name="column">The tile's first column.</param>
    /// <param name="warpRow">The warp's first row in the tile, 0 or 64.</param>
    /// <param name="warpColumn">The warp's first column in the tile.</param>
    /// <param name="thread">The thread of the group.</param>
    public void Store(TensorSums sums, int row, int column, int warpRow, int warpColumn, int thread)
    {
        int lane = thread & 31;
        long place = _shared + ((lane >> 2) * LineBytes) + ((warpColumn + ((lane & 3) * 2)) * 4);
        for (int half = 0; half < OperandTile.Size; half += HalfRows)
        {
            Group.Barrier();
            if (warpRow == half) Put(sums, place);
            Group.Barrier();
            for (int i = thread; i < HalfRows * OperandTile.Size / QuadColumns; i += TensorProduct.Lanes)
            {
                int line = i / (OperandTile.Size / QuadColumns), quad = i % (OperandTile.Size / QuadColumns);
                int r = row + half + line, j = column + (quad * QuadColumns);
                if (r < _sizes.M && j < _sizes.N) Write(r, j, Memory.LoadSharedQuad(_shared + (line * LineBytes) + (quad * 16)));
            }
        }
    }

    private static void Put(TensorSums sums, long place)
    {
        Put(sums.Row0, place);
        Put(sums.Row16, place + (16 * LineBytes));
        Put(sums.Row32, place + (32 * LineBytes));
        Put(sums.Row48, place + (48 * LineBytes));
    }

    private static void Put(RowSums sums, long place)
    {
        Put(sums.Column0, place);
        Put(sums.Column8, place + 32);
        Put(sums.Column16, place + 64);
        Put(sums.Column24, place + 96);
    }

    private static void Put(Accumulator sums, long place)
    {
        Memory.StoreShared(place, new Pair { X = Interop.FloatAsInt(sums.X), Y = Interop.FloatAsInt(sums.Y) });
        Memory.StoreShared(place + (8 * LineBytes), new Pair { X = Interop.FloatAsInt(sums.Z), Y = Interop.FloatAsInt(sums.W) });
    }

    private void Write(int row, int column, Quad bits)
    {
        long place = (_slice * _sizes.CSlice) + ((long)row * _sizes.N) + column;
        float x = Interop.IntAsFloat(bits.X), y = Interop.IntAsFloat(bits.Y), z = Interop.IntAsFloat(bits.Z), w = Interop.IntAsFloat(bits.W);
        if (_sizes.AlignedC == 0)
        {
            Write(place, column, x);
            Write(place + 1, column + 1, y);
            Write(place + 2, column + 2, z);
            Write(place + 3, column + 3, w);
            return;
        }
        if (_sizes.HasBias != 0)
        {
            x += _bias[column];
            y += _bias[column + 1];
            z += _bias[column + 2];
            w += _bias[column + 3];
        }
        if (TC.ElementType == ElementType.BFloat16)
        {
            long address = _c.Start + (place * 2);
            if (_sizes.Accumulate != 0)
            {
                Pair before = Memory.LoadGlobalPair(address);
                x += Interop.IntAsFloat(before.X << 16);
                y += Interop.IntAsFloat(before.X & 0xFFFF0000u);
                z += Interop.IntAsFloat(before.Y << 16);
                w += Interop.IntAsFloat(before.Y & 0xFFFF0000u);
            }
            Memory.StoreGlobal(address, new Pair { X = Rounding.ToBrain(x, y), Y = Rounding.ToBrain(z, w) });
        }
        else
        {
            long address = _c.Start + (place * 4);
            Quad before = Memory.LoadGlobal(address, _sizes.Accumulate);
            Memory.StoreGlobal(address, new Quad
            {
                X = Interop.FloatAsInt(x + Interop.IntAsFloat(before.X)),
                Y = Interop.FloatAsInt(y + Interop.IntAsFloat(before.Y)),
                Z = Interop.FloatAsInt(z + Interop.IntAsFloat(before.Z)),
                W = Interop.FloatAsInt(w + Interop.IntAsFloat(before.W))
            });
        }
    }

    private void Write(long place, int column, float value)
    {
        if (column >= _sizes.N) return;
        if (_sizes.HasBias != 0) value += _bias[column];
        if (_sizes.Accumulate != 0) value += TC.ToSingle(_c[place]);
        _c[place] = TC.FromSingle(value);
    }
}
