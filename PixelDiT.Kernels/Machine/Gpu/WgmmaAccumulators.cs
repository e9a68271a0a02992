namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>Sums of 64 rows by 32 columns of C over the threads of a warp group.</summary>
internal struct WgmmaAccumulators32
{
    public Accumulator Column0, Column8, Column16, Column24;
}

/// <summary>Sums of 64 rows by 128 columns of C over the threads of a warp group, 64 registers a thread: warp w holds rows 16·w to 16·w + 15.</summary>
internal struct WgmmaAccumulators128 : IAccumulatorTile
{
    public WgmmaAccumulators32 Column0, Column32, Column64, Column96;

    /// <inheritdoc/>
    public void StoreShared(long shared, int lineBytes, int half, int thread)
    {
        // A warp group's rows are one half.
        if ((thread >> 7) * 64 != half) return;
        int lane = thread & 31;
        long place = shared + (((((thread >> 5) & 3) * 16) + (lane >> 2)) * lineBytes) + ((lane & 3) * 8);
        Put(Column0, place, lineBytes);
        Put(Column32, place + 128, lineBytes);
        Put(Column64, place + 256, lineBytes);
        Put(Column96, place + 384, lineBytes);
    }

    private static void Put(WgmmaAccumulators32 sums, long place, int lineBytes)
    {
        Memory.StoreShared(place, lineBytes, sums.Column0);
        Memory.StoreShared(place + 32, lineBytes, sums.Column8);
        Memory.StoreShared(place + 64, lineBytes, sums.Column16);
        Memory.StoreShared(place + 96, lineBytes, sums.Column24);
    }
}

/// <summary>Sums of 64 rows by 256 columns of C over the threads of a warp group, 128 registers a thread.</summary>
internal struct WgmmaAccumulators
{
    public WgmmaAccumulators128 Left, Right;
}
