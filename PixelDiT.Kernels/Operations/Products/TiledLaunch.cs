using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>The operands of C = A·B + bias, as they are stored.</summary>
/// <param name="A">A.</param>
/// <param name="B">B.</param>
/// <param name="Bias">Added to every row of C, or null.</param>
internal readonly record struct ProductOperands(Tensor A, Tensor B, Tensor? Bias)
{
    /// <summary>The bias as kernels take it, nothing where there is none.</summary>
    public DeviceView<float> BiasView => Bias is null ? default : Bias.View<float>();
}

/// <summary>A kernel for products in tiles, with its operands.</summary>
internal interface ITiledLaunch
{
    /// <summary>Rows of C of a tile.</summary>
    static abstract int TileRows { get; }

    /// <summary>Columns of C of a tile.</summary>
    static abstract int TileColumns { get; }

    /// <summary>Tiles that fill the largest cards: two for each multiprocessor, or one where a multiprocessor holds one group.</summary>
    static abstract int EnoughTiles { get; }

    /// <summary>What the kernel multiplies.</summary>
    ProductOperands Operands { get; }

    /// <summary>Queues the kernel.</summary>
    /// <typeparam name="TC">The storage of C.</typeparam>
    /// <param name="c">C, or the partials of its slices.</param>
    /// <param name="sizes">Everything filled in.</param>
    /// <param name="items">Tiles times slices.</param>
    void Launch<TC>(Tensor c, TiledProductSizes sizes, int items) where TC : unmanaged, IStorage<TC>;
}

/// <summary>Launches <see cref="MmaProduct{TFormat, TMajorA, TMajorB, TA, TB, TC, TEpilogue}"/>.</summary>
internal readonly struct MmaLaunch<TFormat, TMajorA, TMajorB, TA, TB, TEpilogue>(Tensor a, Tensor b, Tensor? bias, TEpilogue epilogue) : ITiledLaunch
    where TFormat : struct, IMmaFormat where TMajorA : struct, IMajor where TMajorB : struct, IMajor
    where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TEpilogue : struct, IEpilogue
{
    public static int TileRows => MmaTile.Size;

    public static int TileColumns => MmaTile.Size;

    public static int EnoughTiles => 264;

    public ProductOperands Operands => new(a, b, bias);

    public void Launch<TC>(Tensor c, TiledProductSizes sizes, int items) where TC : unmanaged, IStorage<TC>
        => c.Device.Launch(
            new MmaProduct<TFormat, TMajorA, TMajorB, TA, TB, TC, TEpilogue>(a.View<TA>(), b.View<TB>(), Operands.BiasView, c.View<TC>(), sizes, epilogue), items, MmaTile.Threads);
}

/// <summary>Launches <see cref="SimtProduct{TMajorA, TMajorB}"/>, whose C is float32.</summary>
internal readonly struct SimtLaunch<TMajorA, TMajorB>(Tensor a, Tensor b, Tensor? bias) : ITiledLaunch where TMajorA : struct, IMajor where TMajorB : struct, IMajor
{
    public static int TileRows => MmaTile.Size;

    public static int TileColumns => MmaTile.Size;

    public static int EnoughTiles => 264;

    public ProductOperands Operands => new(a, b, bias);

    public void Launch<TC>(Tensor c, TiledProductSizes sizes, int items) where TC : unmanaged, IStorage<TC>
        => c.Device.Launch(
            new SimtProduct<TMajorA, TMajorB>(a.View<Single32>(), b.View<Single32>(), Operands.BiasView, c.View<Single32>(), sizes), items, MmaTile.Threads);
}

/// <summary>Launches <see cref="WgmmaProduct{TMajorA, TMajorB, TC, TEpilogue}"/>, whose operands are bfloat16 in aligned lines.</summary>
internal readonly struct WgmmaLaunch<TMajorA, TMajorB, TEpilogue>(Tensor a, Tensor b, Tensor? bias, TEpilogue epilogue) : ITiledLaunch
    where TMajorA : struct, IMajor where TMajorB : struct, IMajor where TEpilogue : struct, IEpilogue
{
    public static int TileRows => WgmmaTile.Rows;

    public static int TileColumns => WgmmaTile.Columns;

    public static int EnoughTiles => 132;

    public ProductOperands Operands => new(a, b, bias);

    public void Launch<TC>(Tensor c, TiledProductSizes sizes, int items) where TC : unmanaged, IStorage<TC>
        => c.Device.Launch(
            new WgmmaProduct<TMajorA, TMajorB, TC, TEpilogue>(a.View<BFloat16>(), b.View<BFloat16>(), Operands.BiasView, c.View<TC>(), sizes, epilogue), items, MmaTile.Threads);
}

/// <summary>Launches <see cref="PersistentProduct{TTile, TMajorA, TMajorB, TC, TEpilogue}"/>, whose operands are bfloat16 in aligned lines, one group a multiprocessor.</summary>
internal readonly struct PersistentLaunch<TTile, TMajorA, TMajorB, TEpilogue>(Tensor a, Tensor b, Tensor? bias, TEpilogue epilogue) : ITiledLaunch
    where TTile : struct, ITileShape where TMajorA : struct, IMajor where TMajorB : struct, IMajor where TEpilogue : struct, IEpilogue
{
    public static int TileRows => TTile.Rows;

    public static int TileColumns => TTile.Columns;

    public static int EnoughTiles => 132;

    public ProductOperands Operands => new(a, b, bias);

    public void Launch<TC>(Tensor c, TiledProductSizes sizes, int items) where TC : unmanaged, IStorage<TC>
    {
        int groups = Math.Min(items, c.Device.Multiprocessors);
        c.Device.Launch(
            new PersistentProduct<TTile, TMajorA, TMajorB, TC, TEpilogue>(
                Map<TMajorA>(a, sizes.M, sizes.K, sizes.ALine, TTile.Rows), Map<TMajorB>(b, sizes.N, sizes.K, sizes.BLine, TTile.Columns), Operands.BiasView, c.View<TC>(), sizes, epilogue, groups, items),
            groups, PersistentProduct<TTile, TMajorA, TMajorB, TC, TEpilogue>.GroupThreads);
    }

    /// <summary>Boxes of 64 k by all of a tile's rows, or of 64 rows by 64 k.</summary>
    private static TensorMap Map<TMajor>(Tensor operand, int outers, int depth, int line, int tile) where TMajor : struct, IMajor
        => TMajor.IsKMajor ? TensorMaps.Of(operand.Address, depth, outers, line, tile) : TensorMaps.Of(operand.Address, outers, depth, line, WgmmaTile.Depth);
}
