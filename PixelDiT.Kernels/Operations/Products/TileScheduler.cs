namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// Which tile of C, and which slice of its sums, an item is. Groups that run at the same time have neighbouring items: in bands of 16 tiles' height, column after
/// column, so that they share rows of A and columns of B about equally and a card's cache holds both.
/// </summary>
internal struct TileScheduler
{
    private const int BandRows = 16;

    public int Row, Column, Slice;

    /// <summary>The tile of an item.</summary>
    /// <param name="item">From 0 to tiles · slices − 1.</param>
    /// <param name="rows">Tiles of a column of C.</param>
    /// <param name="columns">Tiles of a row of C.</param>
    public static TileScheduler Of(int item, int rows, int columns)
    {
        int slice = item / (rows * columns), tile = item % (rows * columns);
        int band = tile / (BandRows * columns), within = tile % (BandRows * columns), first = band * BandRows;
        int height = rows - first < BandRows ? rows - first : BandRows;
        return new() { Row = first + (within % height), Column = within / height, Slice = slice };
    }
}
