using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// The way of a bfloat16 operand whose lines begin at multiples of 16 bytes from global to shared memory, tile after tile along k, by asynchronous copies.
/// Everything beyond the matrix or the slice becomes zero.
/// </summary>
internal readonly struct WgmmaCopy<TMajor> where TMajor : struct, IMajor
{
    private readonly long _first;       // address of the thread's first chunk at k = 0
    private readonly long _turn;        // bytes from a chunk of the thread to its next
    private readonly int _step;         // bytes from a k to the next
    private readonly int _place;        // of the first chunk in the tile
    private readonly int _turnPlace;    // from a chunk of the thread to its next, in the tile
    private readonly int _chunks;       // of the thread
    private readonly int _end;          // k from which the first chunk lies beyond the matrix or the slice
    private readonly int _outersLeft;   // rows (along) from the first chunk's to the end of the matrix
    private readonly int _turnLines;    // lines from a chunk of the thread to its next

    /// <param name="memory">The operand.</param>
    /// <param name="line">From a line to the next, in elements.</param>
    /// <param name="outer">The tile's first row of A, or column of B.</param>
    /// <param name="outers">Rows of A, or columns of B.</param>
    /// <param name="size">Rows, or columns, of the tile.</param>
    /// <param name="endDepth">The end of k.</param>
    /// <param name="thread">The thread of the group.</param>
    public WgmmaCopy(DeviceView<BFloat16> memory, int line, int outer, int outers, int size, int endDepth, int thread)
    {
        int lineChunks = TMajor.IsKMajor ? WgmmaTile.Depth / 8 : size / 8;
        int first = thread / lineChunks, chunk = thread % lineChunks;
        _turnLines = MmaTile.Threads / lineChunks;
        _chunks = size * WgmmaTile.Depth / 8 / MmaTile.Threads;
        _step = TMajor.IsKMajor ? 2 : line * 2;
        _turn = (long)_turnLines * line * 2;
        _place = WgmmaTile.SwizzledOffset<TMajor>(first, chunk);
        // A multiple of eight lines: chunks are moved within their lines as the first is.
        _turnPlace = _turnLines * WgmmaTile.LineBytes;
        int row = TMajor.IsKMajor ? outer + first : first, element = (TMajor.IsKMajor ? 0 : outer) + (chunk * 8);
        _first = memory.Start + ((((long)row * line) + element) * 2);
        _outersLeft = TMajor.IsKMajor ? outers - row : outers - element;
        _end = TMajor.IsKMajor ? endDepth - element : endDepth - first;
    }

    /// <summary>Begins to move a tile.</summary>
    /// <param name="tile">The tile's address in shared memory.</param>
    /// <param name="k">The tile's first k.</param>
    public void Move(long tile, int k)
    {
        long to = tile + _place, from = _first + ((long)k * _step);
        for (int i = 0; i < _chunks; i++)
        {
            bool inside = TMajor.IsKMajor ? k < _end && i * _turnLines < _outersLeft : k + (i * _turnLines) < _end && _outersLeft > 0;
            AsyncCopy.Copy(to + (i * _turnPlace), from + (i * _turn), inside ? 16 : 0);
        }
    }
}
