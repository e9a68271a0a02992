using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// A tile of C [128, 128], or of one slice of its sums, on tensor cores: 8 warps, each 64 rows by 32 columns. Tiles of A and B, 64 bytes of k deep, pass through
/// three slots of shared memory: while one is multiplied, the next has arrived or is arriving and the one after it is asked for. One barrier a tile: it says that a
/// tile has come whole and that the slot to be filled next is no longer read. Sums are float32; each is taken over k in the order in which an instruction's 8 or 16
/// steps follow each other.
/// </summary>
internal readonly struct TensorProduct<TFormat, TOrderA, TOrderB, TA, TB, TC, TEnd>(
    DeviceView<TA> a, DeviceView<TB> b, DeviceView<float> bias, DeviceView<TC> c, TiledProductSizes sizes, TEnd end) : IResidentKernel
    where TFormat : struct, ITensorFormat where TOrderA : struct, IOrder where TOrderB : struct, IOrder
    where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TC : unmanaged, IStorage<TC> where TEnd : struct, IProductEnd
{
    private readonly DeviceView<TA> _a = a;
    private readonly DeviceView<TB> _b = b;
    private readonly DeviceView<float> _bias = bias;
    private readonly DeviceView<TC> _c = c;
    private readonly TiledProductSizes _sizes = sizes;
    private readonly TEnd _end = end;

    public static int ResidentGroups => 2;

    public void Run(int item, int lane, int lanes)
    {
        var place = TilePlace.Of(item, _sizes.RowTiles, _sizes.ColumnTiles);
        int row = place.Row * OperandTile.Size, column = place.Column * OperandTile.Size;
        int k = place.Slice * _sizes.SliceDepth, end = k + _sizes.SliceDepth;
        if (end > _sizes.K) end = _sizes.K;

        var feedA = new TileFeed<TFormat, TOrderA, TA>(_a, _sizes.ALine, row, _sizes.M, end, _sizes.AlignedA, lane);
        var feedB = new TileFeed<TFormat, TOrderB, TB>(_b, _sizes.BLine, column, _sizes.N, end, _sizes.AlignedB, lane);
        int warp = lane >> 5, warpRow = (warp >> 2) * 64, warpColumn = (warp & 3) * 32;
        int startA = OperandTile.StartOfA<TFormat, TOrderA>(warpRow, lane & 31), startB = OperandTile.StartOfB<TFormat, TOrderB>(warpColumn, lane & 31);

        // A warp whose part lies beyond C only helps to move tiles.
        bool multiplies = row + warpRow < _sizes.M && column + warpColumn < _sizes.N;

        const int slot = 2 * OperandTile.Bytes;
        int depth = OperandTile.DepthBytes / 16 * TFormat.ChunkElements;
        long shared = Memory.Shared();
        Fill(feedA, feedB, shared, k);
        Fill(feedA, feedB, shared + slot, k + depth);

        TensorSums sums = default;
        int reading = 0, filling = 2 * slot;
        for (; k < end; k += depth)
        {
            AsyncCopy.WaitForAllButNewest();
            Group.Barrier();
            // One operand at a time, so that few registers wait for memory.
            var fetched = feedA.Fetch(shared + filling, k + (2 * depth));
            if (multiplies) sums = TensorSums.Add<TFormat, TOrderA, TOrderB>(sums, shared + reading, startA, startB, 0);
            feedA.Land(shared + filling, fetched);
            fetched = feedB.Fetch(shared + filling + OperandTile.Bytes, k + (2 * depth));
            AsyncCopy.Commit();
            if (multiplies) sums = TensorSums.Add<TFormat, TOrderA, TOrderB>(sums, shared + reading, startA, startB, 1);
            feedB.Land(shared + filling + OperandTile.Bytes, fetched);
            reading = reading == 2 * slot ? 0 : reading + slot;
            filling = filling == 2 * slot ? 0 : filling + slot;
        }
        AsyncCopy.WaitForAll();
        new TileResult<TC, TEnd>(_c, _bias, _sizes, place.Slice, shared, _end).Store(sums, row, column, lane);
    }

    private static void Fill(TileFeed<TFormat, TOrderA, TA> feedA, TileFeed<TFormat, TOrderB, TB> feedB, long slot, int k)
    {
        feedA.Land(slot, feedA.Fetch(slot, k));
        feedB.Land(slot + OperandTile.Bytes, feedB.Fetch(slot + OperandTile.Bytes, k));
        AsyncCopy.Commit();
    }
}

/// <summary>How <see cref="TensorProduct{TFormat, TOrderA, TOrderB, TA, TB, TC, TEnd}"/> is launched.</summary>
internal static class TensorProduct
{
    /// <summary>Threads of a group.</summary>
    public const int Lanes = 256;

    /// <summary>The kernels that <see cref="MatMul"/> launches: y = x·Wᵀ, dx = dy·W, dW = dyᵀ·x, and the partial sums of the last two.</summary>
    public static IEnumerable<Type> Kernels
    {
        get
        {
            Type single = typeof(Single32), brain = typeof(BFloat16), along = typeof(Along), across = typeof(Across);
            foreach (var end in Ends) yield return typeof(TensorProduct<,,,,,,>).MakeGenericType(typeof(BrainFormat), along, along, brain, brain, brain, end);
            foreach (var order in (Type[])[along, across])
            {
                yield return Close(typeof(TensorFloatFormat), along, order, single, single, single);
                yield return Close(typeof(BrainFormat), along, order, single, single, single);
                yield return Close(typeof(BrainFormat), along, order, single, brain, single);
                yield return Close(typeof(BrainFormat), along, order, brain, single, brain);
                yield return Close(typeof(BrainFormat), along, order, brain, brain, brain);
            }
            yield return Close(typeof(BrainFormat), along, across, brain, single, single);
            yield return Close(typeof(BrainFormat), along, across, brain, brain, single);
            yield return Close(typeof(TensorFloatFormat), across, across, single, single, single);
            yield return Close(typeof(BrainFormat), across, across, single, single, single);
            yield return Close(typeof(BrainFormat), across, across, brain, brain, single);
        }
    }

    /// <summary>The ends that a forward in bfloat16 may have.</summary>
    public static IEnumerable<Type> Ends => [typeof(GateEnd<Single32>), typeof(GateEnd<BFloat16>), typeof(GeluEnd), typeof(SwiGluEnd)];

    private static Type Close(params Type[] arguments) => typeof(TensorProduct<,,,,,,>).MakeGenericType([.. arguments, typeof(NoEnd)]);
}
