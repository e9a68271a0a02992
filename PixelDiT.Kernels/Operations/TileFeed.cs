using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>What a thread has read of an operand's tile and not yet written to shared memory: two chunks, each from at most eight float32.</summary>
internal struct Fetched
{
    public Quad Low0, High0, Low1, High1;
}

/// <summary>
/// The way of an operand from global to shared memory, tile after tile along k. A thread moves two chunks of 16 bytes of each tile. Stored as it is multiplied, a
/// chunk is copied asynchronously; stored as float32 it is fetched into registers before the arithmetic of another tile and rounded and written after it, so that
/// the memory's latency is hidden. Where lines are not aligned, elements are moved one by one, at once. Everything beyond the matrix or the slice becomes zero.
/// </summary>
internal readonly struct TileFeed<TFormat, TOrder, T>
    where TFormat : struct, IOperandFormat where TOrder : struct, IOrder where T : unmanaged, IStorage<T>
{
    // The second chunk lies half a tile behind the first: a multiple of eight lines, so that it is moved within its line as the first is.
    private const int HalfTile = OperandTile.Bytes / 2;

    private readonly long _first, _second;                  // addresses of the chunks at k = 0
    private readonly int _step;                             // bytes from a k to the next
    private readonly int _firstEnd, _secondEnd;             // k from which the tile's chunk lies beyond the matrix or the slice
    private readonly int _left;                             // elements of a line of one k, from the chunk on
    private readonly int _place;                            // of the first chunk in the tile
    private readonly int _aligned;

    /// <param name="memory">The operand.</param>
    /// <param name="line">From a line to the next, in elements.</param>
    /// <param name="outer">The tile's first row of A, or column of B.</param>
    /// <param name="outers">Rows of A, or columns of B.</param>
    /// <param name="endDepth">The end of k.</param>
    /// <param name="aligned">Not 0 where lines begin at multiples of 16 bytes.</param>
    /// <param name="thread">The thread of the group.</param>
    public TileFeed(DeviceView<T> memory, int line, int outer, int outers, int endDepth, int aligned, int thread)
    {
        int chunks = OperandTile.LineChunks<TFormat, TOrder>(), apart = TensorProduct.Lanes / chunks;
        int first = thread / chunks, chunk = thread % chunks, element = chunk * TFormat.ChunkElements;
        _step = TOrder.AlongDepth ? ElementBytes : line * ElementBytes;
        _left = TOrder.AlongDepth ? TFormat.ChunkElements : outers - outer - element;
        int firstLine = TOrder.AlongDepth ? outer + first : first, firstElement = TOrder.AlongDepth ? element : outer + element;
        _first = memory.Start + ((((long)firstLine * line) + firstElement) * ElementBytes);
        _second = _first + ((long)apart * line * ElementBytes);
        if (TOrder.AlongDepth)
        {
            _firstEnd = firstLine < outers ? endDepth - element : 0;
            _secondEnd = firstLine + apart < outers ? endDepth - element : 0;
        }
        else
        {
            _firstEnd = _left > 0 ? endDepth - first : 0;
            _secondEnd = _left > 0 ? endDepth - first - apart : 0;
        }
        _place = OperandTile.Place<TFormat, TOrder>(first, chunk);
        _aligned = aligned;
    }

    private static bool IsDirect => TFormat.IsStoredAs(T.ElementType);

    private static int ElementBytes => T.ElementType == ElementType.BFloat16 ? 2 : 4;

    /// <summary>Begins to move a tile.</summary>
    /// <param name="tile">The tile's address in shared memory.</param>
    /// <param name="k">The tile's first k.</param>
    public Fetched Fetch(long tile, int k)
    {
        Fetched fetched = default;
        long first = _first + ((long)k * _step), second = _second + ((long)k * _step), place = tile + _place;
        if (_aligned == 0)
        {
            ElementFeed.Move<TFormat, T>(place, first, Inside(_firstEnd - k));
            ElementFeed.Move<TFormat, T>(place + HalfTile, second, Inside(_secondEnd - k));
        }
        else if (IsDirect)
        {
            AsyncCopy.Copy(place, first, k < _firstEnd ? 16 : 0);
            AsyncCopy.Copy(place + HalfTile, second, k < _secondEnd ? 16 : 0);
        }
        else
        {
            fetched.Low0 = Memory.LoadGlobal(first, IsInside(0, _firstEnd - k));
            fetched.Low1 = Memory.LoadGlobal(second, IsInside(0, _secondEnd - k));
            if (TFormat.ChunkElements > 4)
            {
                fetched.High0 = Memory.LoadGlobal(first + 16, IsInside(4, _firstEnd - k));
                fetched.High1 = Memory.LoadGlobal(second + 16, IsInside(4, _secondEnd - k));
            }
        }
        return fetched;
    }

    /// <summary>Writes what <see cref="Fetch"/> left in registers.</summary>
    public void Land(long tile, Fetched fetched)
    {
        if (IsDirect || _aligned == 0) return;
        Memory.StoreShared(tile + _place, TFormat.Pack(fetched.Low0, fetched.High0));
        Memory.StoreShared(tile + _place + HalfTile, TFormat.Pack(fetched.Low1, fetched.High1));
    }

    private int IsInside(int element, int depthLeft) => element < Inside(depthLeft) ? 1 : 0;

    // Elements of a chunk that lie inside the matrix and the slice; fewer than one is none.
    private int Inside(int depthLeft) => TOrder.AlongDepth ? depthLeft : depthLeft > 0 ? _left : 0;
}
