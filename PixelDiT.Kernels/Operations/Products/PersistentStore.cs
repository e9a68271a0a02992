using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>What an epilogue has read for eight columns: up to 16 numbers of bfloat16, or eight of them and eight of float32.</summary>
internal struct EpilogueOperands
{
    public UInt4 First, Second, Third;
}

/// <summary>The operands of a thread's four chunks of eight columns, which it fetches together.</summary>
internal struct EpilogueBatch
{
    public EpilogueOperands Chunk0, Chunk1, Chunk2, Chunk3;
}

/// <summary>Numbers of the threads that write a tile of C while the next is multiplied.</summary>
internal static class PersistentStore
{
    /// <summary>The first of them in the group.</summary>
    public const int FirstThread = 32;

    /// <summary>Warps that write.</summary>
    public const int Warps = 3;

    /// <summary>Chunks of a turn of all of them.</summary>
    public const int Threads = 32 * Warps;

    /// <summary>Chunks of four turns.</summary>
    public const int Turn = 4 * Threads;

    /// <summary>Where the tile of C lies.</summary>
    public static long Result<TTile>(long shared) where TTile : struct, ITileShape => shared + (PersistentLayout.Stages<TTile>(isSingle: false) * PersistentLayout.StageBytes<TTile>());
}

/// <summary>The way of a tile of C in bfloat16 from shared to global memory, eight columns at a time, with the epilogue or what is there already. Places in C are 32-bit numbers, and what is read is read four chunks ahead.</summary>
internal readonly struct PersistentStore<TTile, TC, TEpilogue>(DeviceView<TC> c, TiledProductSizes sizes, TEpilogue epilogue, long result, int row, int column)
    where TTile : struct, ITileShape where TC : unmanaged, IStorage<TC> where TEpilogue : struct, IEpilogue
{
    private readonly DeviceView<TC> _c = c;
    private readonly TEpilogue _epilogue = epilogue;
    private readonly int _columns = sizes.N, _accumulate = sizes.Accumulate;
    private readonly long _result = result;
    private readonly int _row = row, _column = column, _rowsLeft = sizes.M - row, _columnsLeft = sizes.N - column;

    /// <summary>Chunks of the tile.</summary>
    public static int Chunks => TTile.Rows * LineChunks;

    private static int LineChunks => TTile.Columns / 8;

    /// <summary>What four chunks need, from chunk <paramref name="i"/> on.</summary>
    public EpilogueBatch Fetch(int i) => new()
    {
        Chunk0 = FetchOne(i),
        Chunk1 = FetchOne(i + PersistentStore.Threads),
        Chunk2 = FetchOne(i + (2 * PersistentStore.Threads)),
        Chunk3 = FetchOne(i + (3 * PersistentStore.Threads))
    };

    private EpilogueOperands FetchOne(int i)
    {
        int line = i / LineChunks, chunk = i - (line * LineChunks), place = Place(line, chunk), wanted = IsInside(i, line, chunk);
        if (_accumulate != 0) return new() { First = Memory.LoadGlobal(_c.Start + (place * 2L), wanted) };
        return _epilogue.Fetch(place, wanted);
    }

    /// <summary>Writes four chunks, from chunk <paramref name="i"/> on.</summary>
    public void Put(int i, EpilogueBatch operands)
    {
        PutOne(i, operands.Chunk0);
        PutOne(i + PersistentStore.Threads, operands.Chunk1);
        PutOne(i + (2 * PersistentStore.Threads), operands.Chunk2);
        PutOne(i + (3 * PersistentStore.Threads), operands.Chunk3);
    }

    private void PutOne(int i, EpilogueOperands operands)
    {
        int line = i / LineChunks, chunk = i - (line * LineChunks), place = Place(line, chunk);
        if (IsInside(i, line, chunk) == 0) return;
        var values = Memory.LoadSharedQuad(_result + (line * TTile.Columns * 2) + ((chunk ^ (line & 7)) << 4));
        values = _accumulate != 0 ? Add(values, operands.First) : _epilogue.Finish(place, values, operands);
        Memory.StoreGlobal(_c.Start + (place * 2L), values);
    }

    private int Place(int line, int chunk) => ((_row + line) * _columns) + _column + (chunk * 8);

    private int IsInside(int i, int line, int chunk) => i < Chunks && line < _rowsLeft && chunk * 8 < _columnsLeft ? 1 : 0;

    private static UInt4 Add(UInt4 a, UInt4 b) => Float4.Round(Float4.Add(Float4.WidenLow(a), Float4.WidenLow(b)), Float4.Add(Float4.WidenHigh(a), Float4.WidenHigh(b)));
}
