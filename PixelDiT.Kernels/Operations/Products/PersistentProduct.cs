using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// A product of warp groups whose groups of threads stay (CUTLASS, "warp-specialized persistent"): one group a multiprocessor takes tile after tile of C, or of a slice of its sums. Of its 384 or 512 threads
/// <code>
/// thread 0             asks the copy engine for tiles of A and B, 64 k deep, as far ahead as there are stages
/// warps 1 to 3         write a tile of C that is stored in bfloat16, with its epilogue, while the next tile is multiplied
/// two or three others  warp groups that multiply; each has 64 rows, or half of the columns, in registers
/// </code>
/// They meet at barriers in shared memory: a stage is full when its bytes have come, and empty when all warps that multiply have left it; the same for the tile of C on its way out. The next step of k is
/// multiplied before the last one has been waited for. Results in float32 are written from registers.
/// </summary>
internal readonly struct PersistentProduct<TTile, TMajorA, TMajorB, TC, TEpilogue>(
    TensorMap a, TensorMap b, DeviceView<float> bias, DeviceView<TC> c, TiledProductSizes sizes, TEpilogue epilogue, int groups, int items) : IPersistentKernel
    where TTile : struct, ITileShape where TMajorA : struct, IMajor where TMajorB : struct, IMajor where TC : unmanaged, IStorage<TC> where TEpilogue : struct, IEpilogue
{
    private const int WarpGroup = 128;

    // The loader looks for them at the beginning.
    private readonly TensorMap _a = a, _b = b;
    private readonly DeviceView<float> _bias = bias;
    private readonly DeviceView<TC> _c = c;
    private readonly TiledProductSizes _sizes = sizes;
    private readonly TEpilogue _epilogue = epilogue;
    private readonly int _groups = groups, _items = items;

    public static int GroupThreads => WarpGroup + (MultiplyingWarps * 32);

    public static int SharedBytes => PersistentLayout.SharedBytes<TTile>(IsSingle);

    /// <summary>Those of three warp groups, or of two.</summary>
    private static int MultiplyingWarps => TTile.Rows == 192 ? 12 : 8;

    private static bool IsSingle => TC.ElementType == ElementType.Single;

    private static int Stages => PersistentLayout.Stages<TTile>(IsSingle);

    public void Run(int item, int lane, int lanes)
    {
        long shared = Memory.DynamicShared(), barriers = shared + PersistentLayout.Barriers<TTile>(IsSingle);
        if (lane == 0)
        {
            for (int stage = 0; stage < Stages; stage++)
            {
                Mbarrier.Begin(Full(barriers, stage), 1);
                Mbarrier.Begin(Empty(barriers, stage), MultiplyingWarps);
            }
            Mbarrier.Begin(ResultFull(barriers), MultiplyingWarps);
            Mbarrier.Begin(ResultEmpty(barriers), PersistentStore.Warps);
            AsyncCopy.Publish();
        }
        Group.Barrier();
        if (lane >= WarpGroup) MultiplyAll(item, lane - WarpGroup, shared, barriers);
        else if (lane == 0) CopyAll(item, shared, barriers);
        else if (lane >= PersistentStore.FirstThread && !IsSingle) StoreAll(item, lane - PersistentStore.FirstThread, shared, barriers);
    }

    private static long Full(long barriers, int stage) => barriers + (stage * Mbarrier.Bytes);

    private static long Empty(long barriers, int stage) => barriers + ((Stages + stage) * Mbarrier.Bytes);

    private static long ResultFull(long barriers) => barriers + (2 * Stages * Mbarrier.Bytes);

    private static long ResultEmpty(long barriers) => barriers + (((2 * Stages) + 1) * Mbarrier.Bytes);

    private void CopyAll(int item, long shared, long barriers)
    {
        long mapA = TensorMap.First(), mapB = TensorMap.Second();
        int stage = 0, parity = 1;
        for (; item < _items; item += _groups)
        {
            var place = TileScheduler.Of(item, _sizes.RowTiles, _sizes.ColumnTiles);
            int row = place.Row * TTile.Rows, column = place.Column * TTile.Columns, k = place.Slice * _sizes.SliceDepth, end = End(k);
            for (; k < end; k += WgmmaTile.Depth)
            {
                long tile = shared + (stage * PersistentLayout.StageBytes<TTile>()), full = Full(barriers, stage);
                Mbarrier.Wait(Empty(barriers, stage), parity);
                Mbarrier.Expect(full, PersistentLayout.StageBytes<TTile>());
                Copy<TMajorA>(tile, mapA, row, TTile.Rows, k, full);
                Copy<TMajorB>(tile + PersistentLayout.BytesOfA<TTile>(), mapB, column, TTile.Columns, k, full);
                stage++;
                if (stage == Stages)
                {
                    stage = 0;
                    parity ^= 1;
                }
            }
        }
    }

    /// <summary>A tile of an operand: one box of lines along k, or one for every 64 rows.</summary>
    private static void Copy<TMajor>(long tile, long map, int first, int count, int k, long full) where TMajor : struct, IMajor
    {
        if (TMajor.IsKMajor) TensorMap.Copy(tile, map, k, first, full);
        else
        {
            TensorMap.Copy(tile, map, first, k, full);
            if (count > 64) TensorMap.Copy(tile + WgmmaTile.BlockBytes, map, first + 64, k, full);
            if (count > 128) TensorMap.Copy(tile + (2 * WgmmaTile.BlockBytes), map, first + 128, k, full);
            if (count > 192) TensorMap.Copy(tile + (3 * WgmmaTile.BlockBytes), map, first + 192, k, full);
        }
    }

    private int End(int k) => k + _sizes.SliceDepth < _sizes.K ? k + _sizes.SliceDepth : _sizes.K;

    private void MultiplyAll(int item, int thread, long shared, long barriers)
    {
        int warpGroup = thread >> 7, ownRow = TTile.Rows == 64 ? 0 : warpGroup * 64, ownColumn = TTile.Rows == 64 ? warpGroup * WgmmaRegisters.GroupColumns<TTile>() : 0;
        long ownA = shared + (ownRow * WgmmaTile.LineBytes), ownB = shared + PersistentLayout.BytesOfA<TTile>() + (ownColumn * WgmmaTile.LineBytes);
        // The thread's first row of its warp group's 64, and its first column of every eight.
        int threadRow = ownRow + (((thread >> 5) & 3) * 16) + ((thread & 31) >> 2), threadColumn = ownColumn + ((thread & 3) * 2);
        int stage = 0, parity = 0, resultParity = 1;
        WgmmaRegisters.Begin<TTile>();
        for (; item < _items; item += _groups)
        {
            var place = TileScheduler.Of(item, _sizes.RowTiles, _sizes.ColumnTiles);
            int first = place.Slice * _sizes.SliceDepth, end = End(first), last = 0;
            for (int k = first; k < end; k += WgmmaTile.Depth)
            {
                Mbarrier.Wait(Full(barriers, stage), parity);
                int tile = stage * PersistentLayout.StageBytes<TTile>();
                WgmmaRegisters.Multiply<TTile, TMajorA, TMajorB>(ownA + tile, ownB + tile, k - first);
                WgmmaRegisters.WaitForAllButNewest();
                if (k > first) Mbarrier.ArriveWarp(Empty(barriers, last));
                last = stage;
                stage++;
                if (stage == Stages)
                {
                    stage = 0;
                    parity ^= 1;
                }
            }
            WgmmaRegisters.WaitForAll();
            Mbarrier.ArriveWarp(Empty(barriers, last));

            int row = (place.Row * TTile.Rows) + threadRow, column = place.Column * TTile.Columns, columns = _sizes.N - column - ownColumn;
            if (_sizes.HasBias != 0) WgmmaRegisters.AddBias<TTile>(_bias.Start + ((column + threadColumn) * 4L), columns);
            if (IsSingle)
            {
                long address = _c.Start + (((place.Slice * _sizes.CSlice) + ((long)row * _sizes.N) + column + threadColumn) * 4), eightRows = _sizes.N * 32L;
                if (_sizes.Accumulate != 0) WgmmaRegisters.AddMemory<TTile>(address, eightRows, columns, _sizes.M - row);
                WgmmaRegisters.Store<TTile>(address, eightRows, columns, _sizes.M - row);
            }
            else
            {
                Mbarrier.Wait(ResultEmpty(barriers), resultParity);
                WgmmaRegisters.Stage<TTile>(PersistentStore.Result<TTile>(shared) + (threadRow * TTile.Columns * 2) + (threadColumn * 2), threadRow & 7);
                Mbarrier.ArriveWarp(ResultFull(barriers));
                resultParity ^= 1;
            }
        }
    }

    private void StoreAll(int item, int thread, long shared, long barriers)
    {
        int parity = 0;
        for (; item < _items; item += _groups)
        {
            var place = TileScheduler.Of(item, _sizes.RowTiles, _sizes.ColumnTiles);
            var store = new PersistentStore<TTile, TC, TEpilogue>(_c, _sizes, _epilogue, PersistentStore.Result<TTile>(shared), place.Row * TTile.Rows, place.Column * TTile.Columns);
            // What the epilogue reads comes while the tile is still being multiplied.
            var next = store.Fetch(thread);
            Mbarrier.Wait(ResultFull(barriers), parity);
            for (int i = thread; i < PersistentStore<TTile, TC, TEpilogue>.Chunks; i += PersistentStore.Turn)
            {
                var operands = next;
                next = store.Fetch(i + PersistentStore.Turn);
                store.Put(i, operands);
            }
            Mbarrier.ArriveWarp(ResultEmpty(barriers));
            parity ^= 1;
        }
    }
}

/// <summary>The kernels that <see cref="MatMul"/> launches where a card has a copy engine for tiles.</summary>
internal static class PersistentProduct
{
    /// <summary>y = x·Wᵀ with each epilogue of a block's two branches, dx = dy·W, dW = dyᵀ·x, and the partial sums of the last two; in the tiles that <see cref="TilePlan"/> chooses among.</summary>
    public static IEnumerable<Type> Kernels
    {
        get
        {
            Type kMajor = typeof(KMajor), mnMajor = typeof(MNMajor), bfloat16 = typeof(BFloat16), single = typeof(Single32), none = typeof(IdentityEpilogue);
            Type large = typeof(Tile192x192), wide = typeof(Tile128x256), middle = typeof(Tile128x192), small = typeof(Tile128x128);
            foreach (var tile in (Type[])[large, wide, middle, small, typeof(Tile64x128)]) yield return Close(tile, kMajor, kMajor, bfloat16, none);
            foreach (var epilogue in MmaProduct.Epilogues.Where(epilogue => epilogue != typeof(GeluEpilogue)))
            {
                yield return Close(large, kMajor, kMajor, bfloat16, epilogue);
                yield return Close(wide, kMajor, kMajor, bfloat16, epilogue);
            }
            foreach (var tile in (Type[])[large, wide, middle, small])
            {
                yield return Close(tile, kMajor, mnMajor, bfloat16, none);
                yield return Close(tile, kMajor, mnMajor, single, none);
                if (tile != small) yield return Close(tile, mnMajor, mnMajor, single, none);
            }
        }
    }

    private static Type Close(params Type[] arguments) => typeof(PersistentProduct<,,,,>).MakeGenericType(arguments);
}
