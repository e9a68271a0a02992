using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// A tile of C [128, 128], or of one slice of its sums, on tensor cores: 8 warps, each 64 rows by 32 columns. Tiles of A and B, 64 bytes of k deep, pass through
/// three stages of shared memory: while one is multiplied, the next has arrived or is arriving and the one after it is asked for. One barrier a tile: it says that a
/// tile has come whole and that the stage to be filled next is no longer read. Sums are float32; each is taken over k in the order in which an instruction's 8 or 16
/// steps follow each other.
/// </summary>
internal readonly struct MmaProduct<TFormat, TMajorA, TMajorB, TA, TB, TC, TEpilogue>(
    DeviceView<TA> a, DeviceView<TB> b, DeviceView<float> bias, DeviceView<TC> c, TiledProductSizes sizes, TEpilogue epilogue) : ILaunchBounds
    where TFormat : struct, IMmaFormat where TMajorA : struct, IMajor where TMajorB : struct, IMajor
    where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TC : unmanaged, IStorage<TC> where TEpilogue : struct, IEpilogue
{
    private readonly DeviceView<TA> _a = a;
    private readonly DeviceView<TB> _b = b;
    private readonly DeviceView<float> _bias = bias;
    private readonly DeviceView<TC> _c = c;
    private readonly TiledProductSizes _sizes = sizes;
    private readonly TEpilogue _epilogue = epilogue;

    public static int MinGroupsPerMultiprocessor => 2;

    public void Run(int item, int lane, int lanes)
    {
        var place = TileScheduler.Of(item, _sizes.RowTiles, _sizes.ColumnTiles);
        int row = place.Row * MmaTile.Size, column = place.Column * MmaTile.Size;
        int k = place.Slice * _sizes.SliceDepth, end = k + _sizes.SliceDepth;
        if (end > _sizes.K) end = _sizes.K;

        var copyA = new TileCopy<TFormat, TMajorA, TA>(_a, _sizes.ALine, row, _sizes.M, end, _sizes.AlignedA, lane);
        var copyB = new TileCopy<TFormat, TMajorB, TB>(_b, _sizes.BLine, column, _sizes.N, end, _sizes.AlignedB, lane);
        int warp = lane >> 5, warpRow = (warp >> 2) * 64, warpColumn = (warp & 3) * 32;
        int startA = MmaTile.StartOfA<TFormat, TMajorA>(warpRow, lane & 31), startB = MmaTile.StartOfB<TFormat, TMajorB>(warpColumn, lane & 31);

        // A warp whose part lies beyond C only helps to move tiles.
        bool multiplies = row + warpRow < _sizes.M && column + warpColumn < _sizes.N;

        const int stage = 2 * MmaTile.Bytes;
        int depth = MmaTile.DepthBytes / 16 * TFormat.ChunkElements;
        long shared = Memory.Shared();
        Fill(copyA, copyB, shared, k);
        Fill(copyA, copyB, shared + stage, k + depth);

        Accumulators64x32 sums = default;
        int reading = 0, filling = 2 * stage;
        for (; k < end; k += depth)
        {
            AsyncCopy.WaitForAllButNewest();
            Group.Barrier();
            // One operand at a time, so that few registers wait for memory.
            var staged = copyA.Load(shared + filling, k + (2 * depth));
            if (multiplies) sums = Accumulators64x32.Add<TFormat, TMajorA, TMajorB>(sums, shared + reading, startA, startB, 0);
            copyA.Store(shared + filling, staged);
            staged = copyB.Load(shared + filling + MmaTile.Bytes, k + (2 * depth));
            AsyncCopy.Commit();
            if (multiplies) sums = Accumulators64x32.Add<TFormat, TMajorA, TMajorB>(sums, shared + reading, startA, startB, 1);
            copyB.Store(shared + filling + MmaTile.Bytes, staged);
            reading = reading == 2 * stage ? 0 : reading + stage;
            filling = filling == 2 * stage ? 0 : filling + stage;
        }
        AsyncCopy.WaitForAll();
        new TileStore<TC, TEpilogue>(_c, _bias, _sizes, place.Slice, shared, _epilogue).Store(sums, row, column, lane);
    }

    private static void Fill(TileCopy<TFormat, TMajorA, TA> copyA, TileCopy<TFormat, TMajorB, TB> copyB, long stage, int k)
    {
        copyA.Store(stage, copyA.Load(stage, k));
        copyB.Store(stage + MmaTile.Bytes, copyB.Load(stage + MmaTile.Bytes, k));
        AsyncCopy.Commit();
    }
}

/// <summary>How <see cref="MmaProduct{TFormat, TMajorA, TMajorB, TA, TB, TC, TEpilogue}"/> is launched.</summary>
internal static class MmaProduct
{
    /// <summary>The kernels that <see cref="MatMul"/> launches: y = x·Wᵀ, dx = dy·W, dW = dyᵀ·x, and the partial sums of the last two.</summary>
    public static IEnumerable<Type> Kernels
    {
        get
        {
            Type single = typeof(Single32), bfloat16 = typeof(BFloat16), kMajor = typeof(KMajor), mnMajor = typeof(MNMajor);
            foreach (var epilogue in Epilogues) yield return typeof(MmaProduct<,,,,,,>).MakeGenericType(typeof(BFloat16Format), kMajor, kMajor, bfloat16, bfloat16, bfloat16, epilogue);
            foreach (var order in (Type[])[kMajor, mnMajor])
            {
                yield return Close(typeof(TensorFloat32Format), kMajor, order, single, single, single);
                yield return Close(typeof(BFloat16Format), kMajor, order, single, single, single);
                yield return Close(typeof(BFloat16Format), kMajor, order, single, bfloat16, single);
                yield return Close(typeof(BFloat16Format), kMajor, order, bfloat16, single, bfloat16);
                yield return Close(typeof(BFloat16Format), kMajor, order, bfloat16, bfloat16, bfloat16);
            }
            yield return Close(typeof(BFloat16Format), kMajor, mnMajor, bfloat16, single, single);
            yield return Close(typeof(BFloat16Format), kMajor, mnMajor, bfloat16, bfloat16, single);
            yield return Close(typeof(TensorFloat32Format), mnMajor, mnMajor, single, single, single);
            yield return Close(typeof(BFloat16Format), mnMajor, mnMajor, single, single, single);
            yield return Close(typeof(BFloat16Format), mnMajor, mnMajor, bfloat16, bfloat16, single);
        }
    }

    /// <summary>The epilogues that a forward in bfloat16 may have.</summary>
    public static IEnumerable<Type> Epilogues => [typeof(GateEpilogue<Single32>), typeof(GateEpilogue<BFloat16>), typeof(GeluEpilogue), typeof(SwiGluEpilogue)];

    private static Type Close(params Type[] arguments) => typeof(MmaProduct<,,,,,,>).MakeGenericType([.. arguments, typeof(IdentityEpilogue)]);
}
