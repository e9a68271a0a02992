using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// How a product is cut for a GPU: C into tiles, and k into slices where there are too few tiles to fill a card. The sums of slices are float32 partials, added in order
/// (CUTLASS, "split-k" with a reduction of its own).
/// </summary>
internal static class SplitK
{
    private const int SmallestSlice = 256, SliceStep = 64;

    /// <summary>Launches a product, and the sum of its slices where it has several.</summary>
    /// <param name="launch">The kernel with its operands.</param>
    /// <param name="c">C.</param>
    /// <param name="sizes">M, N, K, lines of A and B, and whether to add to C; the rest is filled in here.</param>
    /// <param name="sliced">Whether k may be cut.</param>
    public static void Run<TLaunch, TC>(TLaunch launch, Tensor c, TiledProductSizes sizes, bool sliced) where TLaunch : struct, ITiledLaunch where TC : unmanaged, IStorage<TC>
    {
        int tiles = ((sizes.M + TLaunch.TileRows - 1) / TLaunch.TileRows) * ((sizes.N + TLaunch.TileColumns - 1) / TLaunch.TileColumns);
        Run<TLaunch, TC>(launch, c, sizes, sliced ? Math.Clamp(sizes.K / SmallestSlice, 1, Math.Max(1, TLaunch.EnoughTiles / tiles)) : 1);
    }

    /// <summary>The same with so many slices, or fewer where k has no more steps.</summary>
    public static void Run<TLaunch, TC>(TLaunch launch, Tensor c, TiledProductSizes sizes, int slices) where TLaunch : struct, ITiledLaunch where TC : unmanaged, IStorage<TC>
    {
        var (a, b, bias) = launch.Operands;
        sizes.HasBias = bias is null ? 0 : 1;
        sizes.AlignedA = a.HasAlignedLines(sizes.ALine, 16 / Tensor.SizeOf(a.Type)) ? 1 : 0;
        sizes.AlignedB = b.HasAlignedLines(sizes.BLine, 16 / Tensor.SizeOf(b.Type)) ? 1 : 0;
        sizes.RowTiles = (sizes.M + TLaunch.TileRows - 1) / TLaunch.TileRows;
        sizes.ColumnTiles = (sizes.N + TLaunch.TileColumns - 1) / TLaunch.TileColumns;
        int tiles = sizes.RowTiles * sizes.ColumnTiles;
        sizes.SliceDepth = (((sizes.K + slices - 1) / slices) + SliceStep - 1) / SliceStep * SliceStep;
        slices = (sizes.K + sizes.SliceDepth - 1) / sizes.SliceDepth;
        if (slices == 1)
        {
            launch.Launch<TC>(c, sizes with { AlignedC = c.HasAlignedLines(sizes.N, 4) ? 1 : 0 }, tiles);
            return;
        }
        using var partials = c.Device.Allocate([slices, sizes.M, sizes.N]);
        long count = (long)sizes.M * sizes.N;
        launch.Launch<Single32>(partials, sizes with { Accumulate = 0, CSlice = count, AlignedC = partials.HasAlignedLines(sizes.N, 4) ? 1 : 0 }, tiles * slices);
        Map.Launch(c.Device, new MatMul.AddSlices<TC>(partials.View<float>(), c.View<TC>(), slices, count, sizes.Accumulate), count);
    }

    /// <summary>Whether lines begin at multiples of so many elements, at addresses that are multiples of their size.</summary>
    public static bool HasAlignedLines(this Tensor tensor, int line, int elements) => tensor.Address % (elements * Tensor.SizeOf(tensor.Type)) == 0 && line % elements == 0;
}
