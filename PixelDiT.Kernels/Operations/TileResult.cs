using ILGPU;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>The sums of a tile of C, in the registers of a group.</summary>
internal interface ITileSums
{
    /// <summary>Writes what this thread holds of 64 of the tile's rows to shared memory, float32, a row of C a line.</summary>
    /// <param name="shared">The address of the first line.</param>
    /// <param name="lineBytes">From a line to the next.</param>
    /// <param name="half">The first of the rows, 0 or 64.</param>
    /// <param name="thread">The thread of the group.</param>
    void Put(long shared, int lineBytes, int half, int thread);
}

/// <summary>
/// The way of a group's sums to C: bias, what is there already where the product accumulates, and rounding to the storage. Registers hold them scattered; through
/// shared memory, 64 rows at a time, each thread gets four columns side by side, so that C is read and written in whole lines of memory.
/// </summary>
internal readonly struct TileResult<TC>(DeviceView<TC> c, DeviceView<float> bias, TiledProductSizes sizes, int slice, long shared) where TC : unmanaged, IStorage<TC>
{
    private const int HalfRows = OperandTile.Size / 2, QuadColumns = 4;

    /// <summary>Bytes from a row to the next in shared memory: eight banks beyond a whole turn, so that the pairs of four rows lie in different banks.</summary>
    private const int LineBytes = (OperandTile.Size + 8) * 4;

    private readonly DeviceView<TC> _c = c;
    private readonly DeviceView<float> _bias = bias;
    private readonly TiledProductSizes _sizes = sizes;
    private readonly int _slice = slice;
    private readonly long _shared = shared;

    /// <summary>Writes the tile as far as C has it.</summary>
    /// <param name="sums">What the thread holds.</param>
    /// <param name="row">The tile's first row.</param>
    /// <param name="column">The tile's first column.</param>
    /// <param name="thread">The thread of the group.</param>
    public void Store<TSums>(TSums sums, int row, int column, int thread) where TSums : struct, ITileSums
    {
        for (int half = 0; half < OperandTile.Size; half += HalfRows)
        {
            Group.Barrier();
            sums.Put(_shared, LineBytes, half, thread);
            Group.Barrier();
            for (int i = thread; i < HalfRows * OperandTile.Size / QuadColumns; i += TensorProduct.Lanes)
            {
                int line = i / (OperandTile.Size / QuadColumns), quad = i % (OperandTile.Size / QuadColumns);
                int r = row + half + line, j = column + (quad * QuadColumns);
                if (r < _sizes.M && j < _sizes.N) Write(r, j, Memory.LoadSharedQuad(_shared + (line * LineBytes) + (quad * 16)));
            }
        }
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
