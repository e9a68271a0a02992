namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>The sums of a tile of C, in the registers of a group.</summary>
internal interface IAccumulatorTile
{
    /// <summary>Writes what this thread holds of 64 of the tile's rows to shared memory, float32, a row of C a line.</summary>
    /// <param name="shared">The address of the first line.</param>
    /// <param name="lineBytes">From a line to the next.</param>
    /// <param name="half">The first of the rows, 0 or 64.</param>
    /// <param name="thread">The thread of the group.</param>
    void StoreShared(long shared, int lineBytes, int half, int thread);
}
