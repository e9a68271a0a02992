using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// A tile of C [128, 128], or of one slice of its sums, in strict float32: what <see cref="MmaProduct{TFormat, TMajorA, TMajorB, TA, TB, TC, TEpilogue}"/> is without tensor
/// cores. 256 threads of 8×8 sums; the same tiles, stages and barrier. Every sum is taken in the order of k. A thread takes 132 to 168 registers, so a multiprocessor
/// holds one group; held to 128, which would allow two, some spill.
/// </summary>
internal readonly struct SimtProduct<TMajorA, TMajorB>(
    DeviceView<Single32> a, DeviceView<Single32> b, DeviceView<float> bias, DeviceView<Single32> c, TiledProductSizes sizes) : IKernel
    where TMajorA : struct, IMajor where TMajorB : struct, IMajor
{
    private readonly DeviceView<Single32> _a = a, _b = b, _c = c;
    private readonly DeviceView<float> _bias = bias;
    private readonly TiledProductSizes _sizes = sizes;

    public void Run(int item, int lane, int lanes)
    {
        var place = TileScheduler.Of(item, _sizes.RowTiles, _sizes.ColumnTiles);
        int row = place.Row * MmaTile.Size, column = place.Column * MmaTile.Size;
        int k = place.Slice * _sizes.SliceDepth, end = k + _sizes.SliceDepth;
        if (end > _sizes.K) end = _sizes.K;
        var copyA = new TileCopy<SingleFormat, TMajorA, Single32>(_a, _sizes.ALine, row, _sizes.M, end, _sizes.AlignedA, lane);
        var copyB = new TileCopy<SingleFormat, TMajorB, Single32>(_b, _sizes.BLine, column, _sizes.N, end, _sizes.AlignedB, lane);

        const int stage = 2 * MmaTile.Bytes, depth = MmaTile.DepthBytes / sizeof(float);
        long shared = Memory.Shared();
        Fill(copyA, copyB, shared, k);
        Fill(copyA, copyB, shared + stage, k + depth);

        SimtAccumulators<TMajorA, TMajorB> sums = default;
        int reading = 0, filling = 2 * stage;
        for (; k < end; k += depth)
        {
            AsyncCopy.WaitForAllButNewest();
            Group.Barrier();
            Fill(copyA, copyB, shared + filling, k + (2 * depth));
            for (int quad = 0; quad < depth / 4; quad++) sums = SimtAccumulators<TMajorA, TMajorB>.Add(sums, shared + reading, lane, quad);
            reading = reading == 2 * stage ? 0 : reading + stage;
            filling = filling == 2 * stage ? 0 : filling + stage;
        }
        AsyncCopy.WaitForAll();
        new TileStore<Single32, IdentityEpilogue>(_c, _bias, _sizes, place.Slice, shared, default).Store(sums, row, column, lane);
    }

    // Float32 is stored as it is multiplied: nothing waits in registers.
    private static void Fill(TileCopy<SingleFormat, TMajorA, Single32> copyA, TileCopy<SingleFormat, TMajorB, Single32> copyB, long stage, int k)
    {
        copyA.Load(stage, k);
        copyB.Load(stage + MmaTile.Bytes, k);
        AsyncCopy.Commit();
    }
}
