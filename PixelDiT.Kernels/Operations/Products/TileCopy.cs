using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>What a thread has read of an operand's tile and not yet written to shared memory: two chunks, each from at most eight float32.</summary>
internal struct StagedFragments
{
    public UInt4 Low0, High0, Low1, High1;
}

/// <summary>
/// The way of an operand from global to shared memory, tile after tile along k. A thread moves two chunks of 16 bytes of each tile. Stored as it is multiplied, a
/// chunk is copied asynchronously; stored as float32 it is fetched into registers before the arithmetic of another tile and rounded and written after it, so that
/// the memory's latency is hidden. Where lines are not aligned, elements are moved one by one, at once. Everything beyond the matrix or the slice becomes zero.
/// </summary>
internal readonly struct TileCopy<TFormat, TMajor, T>
    where TFormat : struct, IOperandFormat where TMajor : struct, IMajor where T : unmanaged, IStorage<T>
{
    // The second chunk lies half a tile behind the first: a multiple of eight lines, so that it is moved within its line as the first is.
    private const int HalfTile = MmaTile.Bytes / 2;

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
    public TileCopy(DeviceView<T> memory, int line, int outer, int outers, int endDepth, int aligned, int thread)
    {
        int chunks = MmaTile.LineChunks<TFormat, TMajor>(), apart = MmaTile.Threads / chunks;
        int first = thread / chunks, chunk = thread % chunks, element = chunk * TFormat.ChunkElements;
        _step = TMajor.IsKMajor ? ElementBytes : line * ElementBytes;
        _left = TMajor.IsKMajor ? TFormat.ChunkElements : outers - outer - element;
        int firstLine = TMajor.IsKMajor ? outer + first : first, firstElement = TMajor.IsKMajor ? element : outer + element;
        _first = memory.Start + ((((long)firstLine * line) + firstElement) * ElementBytes);
        _second = _first + ((long)apart * line * ElementBytes);
        if (TMajor.IsKMajor)
        {
            _firstEnd = firstLine < outers ? endDepth - element : 0;
            _secondEnd = firstLine + apart < outers ? endDepth - element : 0;
        }
        else
        {
            _firstEnd = _left > 0 ? endDepth - first : 0;
            _secondEnd = _left > 0 ? endDepth - first - apart : 0;
        }
        _place = MmaTile.SwizzledOffset<TFormat, TMajor>(first, chunk);
        _aligned = aligned;
    }

    private static bool IsDirect => TFormat.IsStoredAs(T.ElementType);

    private static int ElementBytes => T.ElementType == ElementType.BFloat16 ? 2 : 4;

    /// <summary>Begins to move a tile.</summary>
    /// <param name="tile">The tile's address in shared memory.</param>
    /// <param name="k">The tile's first k.</param>
    public StagedFragments Load(long tile, int k)
    {
        StagedFragments staged = default;
        long first = _first + ((long)k * _step), second = _second + ((long)k * _step), place = tile + _place;
        if (_aligned == 0)
        {
            ElementCopy.Move<TFormat, T>(place, first, Inside(_firstEnd - k));
            ElementCopy.Move<TFormat, T>(place + HalfTile, second, Inside(_secondEnd - k));
        }
        else if (IsDirect)
        {
            AsyncCopy.Copy(place, first, k < _firstEnd ? 16 : 0);
            AsyncCopy.Copy(place + HalfTile, second, k < _secondEnd ? 16 : 0);
        }
        else
        {
            staged.Low0 = Memory.LoadGlobal(first, IsInside(0, _firstEnd - k));
            staged.Low1 = Memory.LoadGlobal(second, IsInside(0, _secondEnd - k));
            if (TFormat.ChunkElements > 4)
            {
                staged.High0 = Memory.LoadGlobal(first + 16, IsInside(4, _firstEnd - k));
                staged.High1 = Memory.LoadGlobal(second + 16, IsInside(4, _secondEnd - k));
            }
        }
        return staged;
    }

    /// <summary>Writes what <see cref="Load"/> left in registers.</summary>
    public void Store(long tile, StagedFragments staged)
    {
        if (IsDirect || _aligned == 0) return;
        Memory.StoreShared(tile + _place, TFormat.Pack(staged.Low0, staged.High0));
        Memory.StoreShared(tile + _place + HalfTile, TFormat.Pack(staged.Low1, staged.High1));
    }

    private int IsInside(int element, int depthLeft) => element < Inside(depthLeft) ? 1 : 0;

    // Elements of a chunk that lie inside the matrix and the slice; fewer than one is none.
    private int Inside(int depthLeft) => TMajor.IsKMajor ? depthLeft : depthLeft > 0 ? _left : 0;
}
