using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// Launches a GPU's products in tiles: <see cref="TensorProduct{TFormat, TOrderA, TOrderB, TA, TB, TC, TEnd}"/> for a precision that rounds, <see
/// cref="SingleProduct{TOrderA, TOrderB}"/> for strict float32, and <see cref="WideProduct{TOrderA, TOrderB, TC, TEnd}"/> for bfloat16 where a card has warp groups.
/// Where few tiles would have to sum far along k, k is cut into slices whose sums are added in order; the cut depends on the shapes alone, so that every card gives
/// the same bits.
/// </summary>
internal static class TiledMatMul
{
    /// <summary>Two tiles for each multiprocessor of the largest cards.</summary>
    private const int EnoughTiles = 264;

    private const int SmallestSlice = 256, SliceStep = 64;

    /// <summary>Columns of C, and steps of k, from which the wide tiles of warp groups pay.</summary>
    private const int WideColumns = 192, WideDepth = 128;

    /// <summary>y [m, n] = x [m, k]·Wᵀ + b, W [n, k].</summary>
    public static void Forward(Tensor x, Tensor weight, Tensor? bias, Tensor y, int m, int n, int k, Precision precision)
        => Stored<Along>(precision, x, weight, bias, y, new() { M = m, N = n, K = k, ALine = k, BLine = k }, sliced: false);

    /// <summary>y [m, n] = end(x [m, k]·Wᵀ + b), x, W [n, k] and y in bfloat16, every line aligned.</summary>
    public static void Forward<TEnd>(Tensor x, Tensor weight, Tensor? bias, Tensor y, int m, int n, int k, TEnd end) where TEnd : struct, IProductEnd
    {
        var sizes = new TiledProductSizes { M = m, N = n, K = k, ALine = k, BLine = k, AlignedC = IsAligned(y, n, 4) };
        var (viewX, viewW, viewY, viewBias) = (x.View<BFloat16>(), weight.View<BFloat16>(), y.View<BFloat16>(), bias is null ? default : bias.View<float>());
        if (RunsWide(x, weight, y.Device, sizes))
        {
            sizes.HasBias = bias is null ? 0 : 1;
            Slice(ref sizes, WideTile.Rows, WideTile.Columns, 0, sliced: false);
            y.Device.Launch(new WideProduct<Along, Along, BFloat16, TEnd>(viewX, viewW, viewBias, viewY, sizes, end), sizes.RowTiles * sizes.ColumnTiles, TensorProduct.Lanes);
            return;
        }
        Cut(x, weight, bias, ref sizes, sliced: false);
        y.Device.Launch(
            new TensorProduct<BrainFormat, Along, Along, BFloat16, BFloat16, BFloat16, TEnd>(viewX, viewW, viewBias, viewY, sizes, end), sizes.RowTiles * sizes.ColumnTiles, TensorProduct.Lanes);
    }

    /// <summary>dx [m, n] = or += dy [m, k]·W, W [k, n].</summary>
    public static void BackwardInput(Tensor dY, Tensor weight, Tensor dX, int m, int n, int k, bool accumulate, Precision precision)
        => Stored<Across>(precision, dY, weight, null, dX, new() { M = m, N = n, K = k, ALine = k, BLine = n, Accumulate = accumulate ? 1 : 0 }, sliced: true);

    /// <summary>dW [m, n] = or += dyᵀ·x, dy [k, m], x [k, n].</summary>
    public static void BackwardWeight(Tensor dY, Tensor x, Tensor dWeight, int m, int n, int k, bool accumulate, Precision precision)
    {
        var sizes = new TiledProductSizes { M = m, N = n, K = k, ALine = m, BLine = n, Accumulate = accumulate ? 1 : 0 };
        if (precision == Precision.Single) Launch<Across, Across>(dY, x, null, dWeight, sizes, sliced: true);
        else if (precision == Precision.TensorFloat32) Launch<TensorFloatFormat, Across, Across, Single32, Single32, Single32>(dY, x, null, dWeight, sizes, sliced: true);
        else if (x.Type == ElementType.BFloat16) Launch<BrainFormat, Across, Across, BFloat16, BFloat16, Single32>(dY, x, null, dWeight, sizes, sliced: true);
        else Launch<BrainFormat, Across, Across, Single32, Single32, Single32>(dY, x, null, dWeight, sizes, sliced: true);
    }

    private static void Stored<TOrderB>(Precision precision, Tensor a, Tensor weight, Tensor? bias, Tensor c, TiledProductSizes sizes, bool sliced) where TOrderB : struct, IOrder
    {
        if (precision == Precision.Single) Launch<Along, TOrderB>(a, weight, bias, c, sizes, sliced);
        else if (precision == Precision.TensorFloat32) Launch<TensorFloatFormat, Along, TOrderB, Single32, Single32, Single32>(a, weight, bias, c, sizes, sliced);
        else if (a.Type == ElementType.BFloat16) Stored<TOrderB, BFloat16>(a, weight, bias, c, sizes, sliced);
        else Stored<TOrderB, Single32>(a, weight, bias, c, sizes, sliced);
    }

    private static void Stored<TOrderB, T>(Tensor a, Tensor weight, Tensor? bias, Tensor c, TiledProductSizes sizes, bool sliced)
        where TOrderB : struct, IOrder where T : unmanaged, IStorage<T>
    {
        if (weight.Type == ElementType.BFloat16) Launch<BrainFormat, Along, TOrderB, T, BFloat16, T>(a, weight, bias, c, sizes, sliced);
        else Launch<BrainFormat, Along, TOrderB, T, Single32, T>(a, weight, bias, c, sizes, sliced);
    }

    private static void Launch<TFormat, TOrderA, TOrderB, TA, TB, TC>(Tensor a, Tensor b, Tensor? bias, Tensor c, TiledProductSizes sizes, bool sliced)
        where TFormat : struct, ITensorFormat where TOrderA : struct, IOrder where TOrderB : struct, IOrder
        where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TC : unmanaged, IStorage<TC>
    {
        var (viewA, viewB, viewC, viewBias) = (a.View<TA>(), b.View<TB>(), c.View<TC>(), bias is null ? default : bias.View<float>());
        if (typeof(TA) == typeof(BFloat16) && typeof(TB) == typeof(BFloat16) && RunsWide(a, b, c.Device, sizes))
        {
            LaunchWide<TOrderA, TOrderB, TC>(a, b, viewBias, c, sizes with { HasBias = bias is null ? 0 : 1 }, sliced);
            return;
        }
        int slices = Cut(a, b, bias, ref sizes, sliced), tiles = sizes.RowTiles * sizes.ColumnTiles;
        using var partials = slices > 1 ? c.Device.Allocate([slices, sizes.M, sizes.N]) : null;
        if (partials is null)
        {
            sizes.AlignedC = IsAligned(c, sizes.N, 4);
            c.Device.Launch(new TensorProduct<TFormat, TOrderA, TOrderB, TA, TB, TC, NoEnd>(viewA, viewB, viewBias, viewC, sizes, default), tiles, TensorProduct.Lanes);
            return;
        }
        c.Device.Launch(new TensorProduct<TFormat, TOrderA, TOrderB, TA, TB, Single32, NoEnd>(viewA, viewB, viewBias, partials.View<Single32>(), ForPartials(sizes, partials), default), tiles * slices, TensorProduct.Lanes);
        AddSlices(partials, viewC, slices, sizes);
    }

    private static void Launch<TOrderA, TOrderB>(Tensor a, Tensor b, Tensor? bias, Tensor c, TiledProductSizes sizes, bool sliced)
        where TOrderA : struct, IOrder where TOrderB : struct, IOrder
    {
        var (viewA, viewB, viewC, viewBias) = (a.View<Single32>(), b.View<Single32>(), c.View<Single32>(), bias is null ? default : bias.View<float>());
        int slices = Cut(a, b, bias, ref sizes, sliced), tiles = sizes.RowTiles * sizes.ColumnTiles;
        using var partials = slices > 1 ? c.Device.Allocate([slices, sizes.M, sizes.N]) : null;
        if (partials is null) sizes.AlignedC = IsAligned(c, sizes.N, 4);
        c.Device.Launch(
            new SingleProduct<TOrderA, TOrderB>(viewA, viewB, viewBias, partials?.View<Single32>() ?? viewC, partials is null ? sizes : ForPartials(sizes, partials)), tiles * slices, TensorProduct.Lanes);
        if (partials is not null) AddSlices(partials, viewC, slices, sizes);
    }

    private static bool RunsWide(Tensor a, Tensor b, Device device, TiledProductSizes sizes)
        => device.WarpGroups != WarpGroupUse.Refused && sizes.N >= WideColumns && sizes.K >= WideDepth && IsAligned(a, sizes.ALine, 8) != 0 && IsAligned(b, sizes.BLine, 8) != 0
            && WarpGroupCheck.Trusts(device);

    private static void LaunchWide<TOrderA, TOrderB, TC>(Tensor a, Tensor b, DeviceView<float> bias, Tensor c, TiledProductSizes sizes, bool sliced)
        where TOrderA : struct, IOrder where TOrderB : struct, IOrder where TC : unmanaged, IStorage<TC>
    {
        var (viewA, viewB, viewC) = (a.View<BFloat16>(), b.View<BFloat16>(), c.View<TC>());
        int slices = Slice(ref sizes, WideTile.Rows, WideTile.Columns, EnoughTiles / 2, sliced), tiles = sizes.RowTiles * sizes.ColumnTiles;
        if (slices == 1)
        {
            sizes.AlignedC = IsAligned(c, sizes.N, 4);
            c.Device.Launch(new WideProduct<TOrderA, TOrderB, TC, NoEnd>(viewA, viewB, bias, viewC, sizes, default), tiles, TensorProduct.Lanes);
            return;
        }
        using var partials = c.Device.Allocate([slices, sizes.M, sizes.N]);
        c.Device.Launch(new WideProduct<TOrderA, TOrderB, Single32, NoEnd>(viewA, viewB, bias, partials.View<Single32>(), ForPartials(sizes, partials), default), tiles * slices, TensorProduct.Lanes);
        AddSlices(partials, viewC, slices, sizes);
    }

    private static int Cut(Tensor a, Tensor b, Tensor? bias, ref TiledProductSizes sizes, bool sliced)
    {
        sizes.HasBias = bias is null ? 0 : 1;
        sizes.AlignedA = IsAligned(a, sizes.ALine, 16 / Tensor.SizeOf(a.Type));
        sizes.AlignedB = IsAligned(b, sizes.BLine, 16 / Tensor.SizeOf(b.Type));
        return Slice(ref sizes, OperandTile.Size, OperandTile.Size, EnoughTiles, sliced);
    }

    /// <summary>Cuts C into tiles, and k into slices where there are too few of them.</summary>
    private static int Slice(ref TiledProductSizes sizes, int rows, int columns, int enough, bool sliced)
    {
        sizes.RowTiles = (sizes.M + rows - 1) / rows;
        sizes.ColumnTiles = (sizes.N + columns - 1) / columns;
        int slices = sliced ? Math.Clamp(sizes.K / SmallestSlice, 1, Math.Max(1, enough / (sizes.RowTiles * sizes.ColumnTiles))) : 1;
        sizes.SliceDepth = (((sizes.K + slices - 1) / slices) + SliceStep - 1) / SliceStep * SliceStep;
        return (sizes.K + sizes.SliceDepth - 1) / sizes.SliceDepth;
    }

    private static TiledProductSizes ForPartials(TiledProductSizes sizes, Tensor partials)
        => sizes with { Accumulate = 0, CSlice = (long)sizes.M * sizes.N, AlignedC = IsAligned(partials, sizes.N, 4) };

    private static void AddSlices<TC>(Tensor partials, DeviceView<TC> c, int slices, TiledProductSizes sizes) where TC : unmanaged, IStorage<TC>
    {
        long count = (long)sizes.M * sizes.N;
        Map.Launch(partials.Device, new MatMul.AddSlices<TC>(partials.View<float>(), c, slices, count, sizes.Accumulate), count);
    }

    /// <summary>Whether lines begin at multiples of so many elements, at addresses that are multiples of their size.</summary>
    private static int IsAligned(Tensor tensor, int line, int elements)
        => tensor.Address % (elements * Tensor.SizeOf(tensor.Type)) == 0 && line % elements == 0 ? 1 : 0;
}
