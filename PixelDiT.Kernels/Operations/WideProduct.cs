using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// A tile of C [128, 256], or of one slice of its sums, by two warp groups whose tensor cores read bfloat16 operands from shared memory (sm_90a). Tiles of A and B,
/// 64 k deep, pass through four slots: one is multiplied, two have been asked for, and the next is asked for at once. One barrier a tile: it says that a tile has
/// come whole and that the slot to be filled next is no longer read.
/// </summary>
internal readonly struct WideProduct<TOrderA, TOrderB, TC, TEnd>(
    DeviceView<BFloat16> a, DeviceView<BFloat16> b, DeviceView<float> bias, DeviceView<TC> c, TiledProductSizes sizes, TEnd end) : ILargeSharedKernel
    where TOrderA : struct, IOrder where TOrderB : struct, IOrder where TC : unmanaged, IStorage<TC> where TEnd : struct, IProductEnd
{
    private readonly DeviceView<BFloat16> _a = a, _b = b;
    private readonly DeviceView<float> _bias = bias;
    private readonly DeviceView<TC> _c = c;
    private readonly TiledProductSizes _sizes = sizes;
    private readonly TEnd _end = end;

    public static int SharedBytes => WideTile.SharedBytes;

    public void Run(int item, int lane, int lanes)
    {
        var place = TilePlace.Of(item, _sizes.RowTiles, _sizes.ColumnTiles);
        int row = place.Row * WideTile.Rows, column = place.Column * WideTile.Columns;
        int k = place.Slice * _sizes.SliceDepth, end = k + _sizes.SliceDepth;
        if (end > _sizes.K) end = _sizes.K;

        var feedA = new WideFeed<TOrderA>(_a, _sizes.ALine, row, _sizes.M, WideTile.Rows, end, lane);
        var feedB = new WideFeed<TOrderB>(_b, _sizes.BLine, column, _sizes.N, WideTile.Columns, end, lane);
        const int tileB = WideTile.Rows / 64 * WideTile.BlockBytes;
        long shared = Memory.LargeShared();
        for (int slot = 0; slot < WideTile.Slots - 1; slot++) Fill(feedA, feedB, shared + (slot * WideTile.SlotBytes), k + (slot * WideTile.Depth));

        WideSums sums = default;
        int reading = 0, ownRows = (lane >> 7) * WideTile.BlockBytes;
        for (; k < end; k += WideTile.Depth)
        {
            AsyncCopy.WaitForAllButTwo();
            AsyncCopy.Publish();
            Group.Barrier();
            int filling = reading == 0 ? (WideTile.Slots - 1) * WideTile.SlotBytes : reading - WideTile.SlotBytes;
            Fill(feedA, feedB, shared + filling, k + ((WideTile.Slots - 1) * WideTile.Depth));
            sums = WarpGroup.Multiply<TOrderA, TOrderB>(sums, shared + reading + ownRows, shared + reading + tileB);
            reading = reading == (WideTile.Slots - 1) * WideTile.SlotBytes ? 0 : reading + WideTile.SlotBytes;
        }
        AsyncCopy.WaitForAll();
        var result = new TileResult<TC, TEnd>(_c, _bias, _sizes, place.Slice, shared, _end);
        result.Store(sums.Left, row, column, lane);
        result.Store(sums.Right, row, column + (WideTile.Columns / 2), lane);
    }

    private static void Fill(WideFeed<TOrderA> feedA, WideFeed<TOrderB> feedB, long slot, int k)
    {
        feedA.Move(slot, k);
        feedB.Move(slot + (WideTile.Rows / 64 * WideTile.BlockBytes), k);
        AsyncCopy.Commit();
    }
}

/// <summary>The kernels that <see cref="MatMul"/> launches where a card has warp groups.</summary>
internal static class WideProduct
{
    /// <summary>y = x·Wᵀ with each end, dx = dy·W, dW = dyᵀ·x, and the partial sums of the last two.</summary>
    public static IEnumerable<Type> Kernels
    {
        get
        {
            Type along = typeof(Along), across = typeof(Across), brain = typeof(BFloat16), single = typeof(Single32), none = typeof(NoEnd);
            foreach (var end in TensorProduct.Ends.Prepend(none)) yield return Close(along, along, brain, end);
            yield return Close(along, across, brain, none);
            yield return Close(along, across, single, none);
            yield return Close(across, across, single, none);
        }
    }

    private static Type Close(params Type[] arguments) => typeof(WideProduct<,,,>).MakeGenericType(arguments);
}
