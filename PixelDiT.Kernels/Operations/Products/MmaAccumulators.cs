using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>Sums of 16 rows by 32 columns of C, in a warp's registers.</summary>
internal struct Accumulators16x32
{
    public Accumulator Column0, Column8, Column16, Column24;

    /// <summary>Adds a piece of A [16, k] times two pieces of B [k, 16].</summary>
    public static Accumulators16x32 Add<TFormat>(Accumulators16x32 sums, UInt4 a, UInt4 left, UInt4 right) where TFormat : struct, IFragmentFormat => new()
    {
        Column0 = TFormat.Multiply(a, new UInt2 { X = left.X, Y = left.Y }, sums.Column0),
        Column8 = TFormat.Multiply(a, new UInt2 { X = left.Z, Y = left.W }, sums.Column8),
        Column16 = TFormat.Multiply(a, new UInt2 { X = right.X, Y = right.Y }, sums.Column16),
        Column24 = TFormat.Multiply(a, new UInt2 { X = right.Z, Y = right.W }, sums.Column24)
    };
}

/// <summary>Sums of 64 rows by 32 columns of C: a warp's part of a tile, 64 registers a lane.</summary>
internal struct Accumulators64x32 : IAccumulatorTile
{
    public Accumulators16x32 Row0, Row16, Row32, Row48;

    /// <summary>Adds A [64, k]·B [k, 32] for one half of a tile's k: 16 multiplications.</summary>
    /// <param name="sums">The sums so far.</param>
    /// <param name="tile">The address of A's tile; B's follows it.</param>
    /// <param name="startA">Where the lane reads A.</param>
    /// <param name="startB">Where the lane reads B.</param>
    /// <param name="step">Which half.</param>
    public static Accumulators64x32 Add<TFormat, TMajorA, TMajorB>(Accumulators64x32 sums, long tile, int startA, int startB, int step)
        where TFormat : struct, IMmaFormat where TMajorA : struct, IMajor where TMajorB : struct, IMajor
    {
        UInt4 left = MmaTile.ReadB<TFormat, TMajorB>(tile + MmaTile.Bytes, startB, 0, step);
        UInt4 right = MmaTile.ReadB<TFormat, TMajorB>(tile + MmaTile.Bytes, startB, 1, step);
        return new()
        {
            Row0 = Accumulators16x32.Add<TFormat>(sums.Row0, MmaTile.ReadA<TFormat, TMajorA>(tile, startA, 0, step), left, right),
            Row16 = Accumulators16x32.Add<TFormat>(sums.Row16, MmaTile.ReadA<TFormat, TMajorA>(tile, startA, 1, step), left, right),
            Row32 = Accumulators16x32.Add<TFormat>(sums.Row32, MmaTile.ReadA<TFormat, TMajorA>(tile, startA, 2, step), left, right),
            Row48 = Accumulators16x32.Add<TFormat>(sums.Row48, MmaTile.ReadA<TFormat, TMajorA>(tile, startA, 3, step), left, right)
        };
    }

    /// <inheritdoc/>
    public void StoreShared(long shared, int lineBytes, int half, int thread)
    {
        // A warp's rows lie in one half.
        if ((thread >> 7) * 64 != half) return;
        int lane = thread & 31;
        long place = shared + ((lane >> 2) * lineBytes) + ((((thread >> 5) & 3) * 128) + ((lane & 3) * 8));
        PutRows(Row0, place, lineBytes);
        PutRows(Row16, place + (16 * lineBytes), lineBytes);
        PutRows(Row32, place + (32 * lineBytes), lineBytes);
        PutRows(Row48, place + (48 * lineBytes), lineBytes);
    }

    private static void PutRows(Accumulators16x32 sums, long place, int lineBytes)
    {
        Memory.StoreShared(place, lineBytes, sums.Column0);
        Memory.StoreShared(place + 32, lineBytes, sums.Column8);
        Memory.StoreShared(place + 64, lineBytes, sums.Column16);
        Memory.StoreShared(place + 96, lineBytes, sums.Column24);
    }
}
