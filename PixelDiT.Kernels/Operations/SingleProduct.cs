using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// A tile of C [128, 128], or of one slice of its sums, in strict float32: what <see cref="TensorProduct{TFormat, TOrderA, TOrderB, TA, TB, TC}"/> is without tensor
/// cores. 256 threads of 8×8 sums; the same tiles, slots and barrier. Every sum is taken in the order of k. A thread takes 132 to 168 registers, so a multiprocessor
/// holds one group; held to 128, which would allow two, some spill.
/// </summary>
internal readonly struct SingleProduct<TOrderA, TOrderB>(
    DeviceView<Single32> a, DeviceView<Single32> b, DeviceView<float> bias, DeviceView<Single32> c, TiledProductSizes sizes) : IKernel
    where TOrderA : struct, IOrder where TOrderB : struct, IOrder
{
    private readonly DeviceView<Single32> _a = a, _b = b, _c = c;
    private readonly DeviceView<float> _bias = bias;
    private readonly TiledProductSizes _sizes = sizes;

    public void Run(int item, int lane, int lanes)
    {
        var place = TilePlace.Of(item, _sizes.RowTiles, _sizes.ColumnTiles);
        int row = place.Row * OperandTile.Size, column = place.Column * OperandTile.Size;
        int k = place.Slice * _sizes.SliceDepth, end = k + _sizes.SliceDepth;
        if (end > _sizes.K) end = _sizes.K;
        var feedA = new TileFeed<SingleFormat, TOrderA, Single32>(_a, _sizes.ALine, row, _sizes.M, end, _sizes.AlignedA, lane);
        var feedB = new TileFeed<SingleFormat, TOrderB, Single32>(_b, _sizes.BLine, column, _sizes.N, end, _sizes.AlignedB, lane);

        const int slot = 2 * OperandTile.Bytes, depth = OperandTile.DepthBytes / sizeof(float);
        long shared = Memory.Shared();
        Fill(feedA, feedB, shared, k);
        Fill(feedA, feedB, shared + slot, k + depth);

        SingleSums<TOrderA, TOrderB> sums = default;
        int reading = 0, filling = 2 * slot;
        for (; k < end; k += depth)
        {
            AsyncCopy.WaitForAllButNewest();
            Group.Barrier();
            Fill(feedA, feedB, shared + filling, k + (2 * depth));
            for (int quad = 0; quad < depth / 4; quad++) sums = SingleSums<TOrderA, TOrderB>.Add(sums, shared + reading, lane, quad);
            reading = reading == 2 * slot ? 0 : reading + slot;
            filling = filling == 2 * slot ? 0 : filling + slot;
        }
        AsyncCopy.WaitForAll();
        new TileResult<Single32, NoEnd>(_c, _bias, _sizes, place.Slice, shared, default).Store(sums, row, column, lane);
    }

    // Float32 is stored as it is multiplied: nothing waits in registers.
    private static void Fill(TileFeed<SingleFormat, TOrderA, Single32> feedA, TileFeed<SingleFormat, TOrderB, Single32> feedB, long slot, int k)
    {
        feedA.Fetch(slot, k);
        feedB.Fetch(slot + OperandTile.Bytes, k);
        AsyncCopy.Commit();
    }
}
