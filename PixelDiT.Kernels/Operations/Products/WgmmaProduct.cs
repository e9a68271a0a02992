using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// A tile of C [128, 256], or of one slice of its sums, by two warp groups whose tensor cores read bfloat16 operands from shared memory (sm_90a). Tiles of A and B,
/// 64 k deep, pass through four stages: one is multiplied, two have been asked for, and the next is asked for at once. One barrier a tile: it says that a tile has
/// come whole and that the stage to be filled next is no longer read.
/// </summary>
internal readonly struct WgmmaProduct<TMajorA, TMajorB, TC, TEpilogue>(
    DeviceView<BFloat16> a, DeviceView<BFloat16> b, DeviceView<float> bias, DeviceView<TC> c, TiledProductSizes sizes, TEpilogue epilogue) : IDynamicSharedKernel
    where TMajorA : struct, IMajor where TMajorB : struct, IMajor where TC : unmanaged, IStorage<TC> where TEpilogue : struct, IEpilogue
{
    private readonly DeviceView<BFloat16> _a = a, _b = b;
    private readonly DeviceView<float> _bias = bias;
    private readonly DeviceView<TC> _c = c;
    private readonly TiledProductSizes _sizes = sizes;
    private readonly TEpilogue _epilogue = epilogue;

    public static int SharedBytes => WgmmaTile.SharedBytes;

    public void Run(int item, int lane, int lanes)
    {
        var place = TileScheduler.Of(item, _sizes.RowTiles, _sizes.ColumnTiles);
        int row = place.Row * WgmmaTile.Rows, column = place.Column * WgmmaTile.Columns;
        int k = place.Slice * _sizes.SliceDepth, end = k + _sizes.SliceDepth;
        if (end > _sizes.K) end = _sizes.K;

        var copyA = new WgmmaCopy<TMajorA>(_a, _sizes.ALine, row, _sizes.M, WgmmaTile.Rows, end, lane);
        var copyB = new WgmmaCopy<TMajorB>(_b, _sizes.BLine, column, _sizes.N, WgmmaTile.Columns, end, lane);
        const int tileB = WgmmaTile.Rows / 64 * WgmmaTile.BlockBytes;
        long shared = Memory.DynamicShared();
        for (int stage = 0; stage < WgmmaTile.Stages - 1; stage++) Fill(copyA, copyB, shared + (stage * WgmmaTile.StageBytes), k + (stage * WgmmaTile.Depth));

        WgmmaAccumulators sums = default;
        int reading = 0, ownRows = (lane >> 7) * WgmmaTile.BlockBytes;
        for (; k < end; k += WgmmaTile.Depth)
        {
            AsyncCopy.WaitForAllButTwo();
            AsyncCopy.Publish();
            Group.Barrier();
            // The tensor cores begin before anything is copied.
            var begun = Wgmma.Begin<TMajorA, TMajorB>(sums, shared + reading + ownRows, shared + reading + tileB);
            int filling = reading == 0 ? (WgmmaTile.Stages - 1) * WgmmaTile.StageBytes : reading - WgmmaTile.StageBytes;
            Fill(copyA, copyB, shared + filling, k + ((WgmmaTile.Stages - 1) * WgmmaTile.Depth));
            sums = Wgmma.Wait(begun);
            reading = reading == (WgmmaTile.Stages - 1) * WgmmaTile.StageBytes ? 0 : reading + WgmmaTile.StageBytes;
        }
        AsyncCopy.WaitForAll();
        var result = new TileStore<TC, TEpilogue>(_c, _bias, _sizes, place.Slice, shared, _epilogue);
        result.Store(sums.Left, row, column, lane);
        result.Store(sums.Right, row, column + (WgmmaTile.Columns / 2), lane);
    }

    private static void Fill(WgmmaCopy<TMajorA> copyA, WgmmaCopy<TMajorB> copyB, long stage, int k)
    {
        copyA.Move(stage, k);
        copyB.Move(stage + (WgmmaTile.Rows / 64 * WgmmaTile.BlockBytes), k);
        AsyncCopy.Commit();
    }
}

/// <summary>The kernels that <see cref="MatMul"/> launches where a card has warp groups.</summary>
internal static class WgmmaProduct
{
    /// <summary>y = x·Wᵀ with each epilogue, dx = dy·W, dW = dyᵀ·x, and the partial sums of the last two.</summary>
    public static IEnumerable<Type> Kernels
    {
        get
        {
            Type kMajor = typeof(KMajor), mnMajor = typeof(MNMajor), bfloat16 = typeof(BFloat16), single = typeof(Single32), none = typeof(IdentityEpilogue);
            foreach (var epilogue in MmaProduct.Epilogues.Prepend(none)) yield return Close(kMajor, kMajor, bfloat16, epilogue);
            yield return Close(kMajor, mnMajor, bfloat16, none);
            yield return Close(kMajor, mnMajor, single, none);
            yield return Close(mnMajor, mnMajor, single, none);
        }
    }

    private static Type Close(params Type[] arguments) => typeof(WgmmaProduct<,,,>).MakeGenericType(arguments);
}
