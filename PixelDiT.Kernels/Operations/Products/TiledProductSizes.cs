namespace PixelDiT.Kernels.Operations.Products;

/// <summary>Sizes of a product C [M, N] = A·B on tensor cores and how it is cut into tiles; steps in elements.</summary>
internal record struct TiledProductSizes
{
    public int M, N, K;

    /// <summary>From a line of A or B as stored to the next.</summary>
    public int ALine, BLine;

    /// <summary>From a slice of sums to the next in C.</summary>
    public long CSlice;

    /// <summary>Steps in k of a slice, a multiple of 32.</summary>
    public int SliceDepth;

    public int RowTiles, ColumnTiles;

    public int Accumulate, HasBias;

    /// <summary>Not 0 where lines of A or B begin at multiples of 16 bytes, and lines of C at multiples of four elements.</summary>
    public int AlignedA, AlignedB, AlignedC;
}
