using ILGPU;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>What a thread has read of an operand's tile and not yet written to shared memory: two chunks, each from at most eight float32.</summary>
internal struct Fetched
{
    public Quad Low0, High0, Low1, High1;
}

/// <summary>
/// The way of an operand from global to shared memory, tile after tile along k. A thread moves two chunks of each tile. Stored as it is multiplied, a chunk is copied asynchronously; stored as
/// float32 it is fetched into registers before the arithmetic of another tile and rounded and written after it, so that the memory's latency is hidden. Where lines are not aligned, elements are
/// moved one by one, at once. Everything beyond the matrix or the slice becomes zero.
/// </summary>
/// <param name="memory">The operand.</param>
/// <param name="line">From a line to the next, in elements.</param>
/// <param name="outer">The tile's first row of A, or column of B.</param>
/// <param name="outers">Rows of A, or columns of B.</param>
/// <param name="endDepth">The end of k.</param>
/// <param name="aligned">Not 0 where lines begin at multiples of 16 bytes.</param>
/// <param name="thread">The thread of the group.</param>
internal readonly struct TensorFeed<TFormat, TOrder, T>(DeviceView<T> memory, long line, int outer, int outers, int endDepth, int aligned, int thread)
    where TFormat : struct, IOperandFormat where TOrder : struct, IOrder where T : unmanaged, IStorage<T>
{
    private readonly DeviceView<T> _memory = memory;
    private readonly long _line = line;
    private readonly int _outer = outer, _outers = outers, _endDepth = endDepth, _aligned = aligned, _thread = thread;

    private static int ChunksApart => TensorProduct.Lanes / OperandTile.LineChunks<TFormat, TOrder>();

    private static bool IsDirect => T.ElementType == ElementType.BFloat16;

    /// <summary>Begins to move a tile.</summary>
    /// <param name="tile">The tile's address in shared memory.</param>
    /// <param name="k">The tile's first k.</param>
    public Fetched Fetch(long tile, int k)
    {
        Fetched fetched = default;
        int line = _thread / OperandTile.LineChunks<TFormat, TOrder>(), chunk = _thread % OperandTile.LineChunks<TFormat, TOrder>();
        if (_aligned == 0)
        {
            MoveElements(tile, line, chunk, k);
            MoveElements(tile, line + ChunksApart, chunk, k);
        }
        else if (IsDirect)
        {
            Copy(tile, line, chunk, k);
            Copy(tile, line + ChunksApart, chunk, k);
        }
        else
        {
            fetched.Low0 = Read(line, chunk, 0, k);
            fetched.Low1 = Read(line + ChunksApart, chunk, 0, k);
            if (TFormat.ChunkElements > 4)
            {
                fetched.High0 = Read(line, chunk, 4, k);
                fetched.High1 = Read(line + ChunksApart, chunk, 4, k);
            }
        }
        return fetched;
    }

    /// <summary>Writes what <see cref="Fetch"/> left in registers.</summary>
    public void Land(long tile, Fetched fetched)
    {
        if (IsDirect || _aligned == 0) return;
        int line = _thread / OperandTile.LineChunks<TFormat, TOrder>(), chunk = _thread % OperandTile.LineChunks<TFormat, TOrder>();
        Memory.StoreShared(tile + OperandTile.Place<TFormat, TOrder>(line, chunk), TFormat.Pack(fetched.Low0, fetched.High0));
        Memory.StoreShared(tile + OperandTile.Place<TFormat, TOrder>(line + ChunksApart, chunk), TFormat.Pack(fetched.Low1, fetched.High1));
    }

    private int Line(int line, int k) => line + (TOrder.AlongDepth ? _outer : k);

    private int Element(int chunk, int k) => (chunk * TFormat.ChunkElements) + (TOrder.AlongDepth ? k : _outer);

    private int IsInside(int line, int element)
    {
        bool inside = TOrder.AlongDepth ? line < _outers && element < _endDepth : line < _endDepth && element < _outers;
        return inside ? 1 : 0;
    }

    private long Address(int line, int element) => _memory.Start + (((line * _line) + element) * (T.ElementType == ElementType.BFloat16 ? 2 : 4));

    private void Copy(long tile, int line, int chunk, int k)
    {
        int from = Line(line, k), element = Element(chunk, k);
        AsyncCopy.Copy(tile + OperandTile.Place<TFormat, TOrder>(line, chunk), Address(from, element), IsInside(from, element) * 16);
    }

    private Quad Read(int line, int chunk, int part, int k)
    {
        int from = Line(line, k), element = Element(chunk, k) + part;
        return Memory.LoadGlobal(Address(from, element), IsInside(from, element));
    }

    private void MoveElements(long tile, int line, int chunk, int k)
    {
        int from = Line(line, k), element = Element(chunk, k), perWord = TFormat.ChunkElements / 4;
        long to = tile + OperandTile.Place<TFormat, TOrder>(line, chunk);
        for (int word = 0; word < 4; word++)
        {
            float low = ReadElement(from, element + (word * perWord)), high = perWord > 1 ? ReadElement(from, element + (word * perWord) + 1) : 0f;
            Memory.StoreShared(to + (word * 4), TFormat.Pack(low, high));
        }
    }

    private float ReadElement(int line, int element) => IsInside(line, element) != 0 ? T.ToSingle(_memory[(line * _line) + element]) : 0f;
}
