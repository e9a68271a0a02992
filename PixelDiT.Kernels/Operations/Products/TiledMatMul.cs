using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// Launches a GPU's products in tiles: <see cref="MmaProduct{TFormat, TMajorA, TMajorB, TA, TB, TC, TEpilogue}"/> for a precision that rounds, <see
/// cref="SimtProduct{TMajorA, TMajorB}"/> for strict float32, and for bfloat16 where a card has warp groups <see cref="PersistentProduct{TTile, TMajorA, TMajorB, TC, TEpilogue}"/>, or <see
/// cref="WgmmaProduct{TMajorA, TMajorB, TC, TEpilogue}"/>, which needs no copy engine.
/// Where few tiles would have to sum far along k, k is cut into slices whose sums are added in order (split-k). The cut depends on the shapes alone, and for the first of the two on the number of multiprocessors (<see
/// cref="TilePlan"/>), so that a card always gives the same bits.
/// </summary>
internal static class TiledMatMul
{
    /// <summary>Columns of C, and steps of k, from which the larger tiles of warp groups pay.</summary>
    private const int WgmmaColumns = 192, WgmmaDepth = 128;

    /// <summary>y [m, n] = x [m, k]·Wᵀ + b, W [n, k].</summary>
    public static void Forward(Tensor x, Tensor weight, Tensor? bias, Tensor y, int m, int n, int k, Precision precision)
        => Stored<KMajor>(precision, x, weight, bias, y, new() { M = m, N = n, K = k, ALine = k, BLine = k }, sliced: false);

    /// <summary>y [m, n] = epilogue(x [m, k]·Wᵀ + b), x, W [n, k] and y in bfloat16, every line aligned.</summary>
    /// <param name="x">[m, k].</param>
    /// <param name="weight">[n, k].</param>
    /// <param name="bias">[n], or null.</param>
    /// <param name="y">[m, n].</param>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="k">Terms of a sum.</param>
    /// <param name="epilogue">What is done with the result.</param>
    /// <param name="inEights">Whether what the epilogue reads and writes lies in lines of whole eights.</param>
    public static void Forward<TEpilogue>(Tensor x, Tensor weight, Tensor? bias, Tensor y, int m, int n, int k, TEpilogue epilogue, bool inEights) where TEpilogue : struct, IEpilogue
    {
        var sizes = new TiledProductSizes { M = m, N = n, K = k, ALine = k, BLine = k };
        if (inEights && RunsPersistent<TEpilogue>(x, weight, bias, y, sizes))
        {
            var plan = TilePlan.For(new(m, n, k, HasOperands: true), y.Device);
            if (plan.Rows == 192) SplitK.Run<PersistentLaunch<Tile192x192, KMajor, KMajor, TEpilogue>, BFloat16>(new(x, weight, bias, epilogue), y, sizes, plan.Slices);
            else SplitK.Run<PersistentLaunch<Tile128x256, KMajor, KMajor, TEpilogue>, BFloat16>(new(x, weight, bias, epilogue), y, sizes, plan.Slices);
        }
        else if (RunsWgmma(x, weight, y.Device, sizes)) SplitK.Run<WgmmaLaunch<KMajor, KMajor, TEpilogue>, BFloat16>(new(x, weight, bias, epilogue), y, sizes, sliced: false);
        else SplitK.Run<MmaLaunch<BFloat16Format, KMajor, KMajor, BFloat16, BFloat16, TEpilogue>, BFloat16>(new(x, weight, bias, epilogue), y, sizes, sliced: false);
    }

    /// <summary>dx [m, n] = or += dy [m, k]·W, W [k, n].</summary>
    public static void BackwardInput(Tensor dY, Tensor weight, Tensor dX, int m, int n, int k, bool accumulate, Precision precision)
        => Stored<MNMajor>(precision, dY, weight, null, dX, new() { M = m, N = n, K = k, ALine = k, BLine = n, Accumulate = accumulate ? 1 : 0 }, sliced: true);

    /// <summary>dW [m, n] = or += dyᵀ·x, dy [k, m], x [k, n].</summary>
    public static void BackwardWeight(Tensor dY, Tensor x, Tensor dWeight, int m, int n, int k, bool accumulate, Precision precision)
    {
        var sizes = new TiledProductSizes { M = m, N = n, K = k, ALine = m, BLine = n, Accumulate = accumulate ? 1 : 0 };
        if (precision == Precision.Single) Launch<MNMajor, MNMajor>(dY, x, null, dWeight, sizes, sliced: true);
        else if (precision == Precision.TensorFloat32) Launch<TensorFloat32Format, MNMajor, MNMajor, Single32, Single32, Single32>(dY, x, null, dWeight, sizes, sliced: true);
        else if (x.Type == ElementType.BFloat16) Launch<BFloat16Format, MNMajor, MNMajor, BFloat16, BFloat16, Single32>(dY, x, null, dWeight, sizes, sliced: true);
        else Launch<BFloat16Format, MNMajor, MNMajor, Single32, Single32, Single32>(dY, x, null, dWeight, sizes, sliced: true);
    }

    private static void Stored<TMajorB>(Precision precision, Tensor a, Tensor weight, Tensor? bias, Tensor c, TiledProductSizes sizes, bool sliced) where TMajorB : struct, IMajor
    {
        if (precision == Precision.Single) Launch<KMajor, TMajorB>(a, weight, bias, c, sizes, sliced);
        else if (precision == Precision.TensorFloat32) Launch<TensorFloat32Format, KMajor, TMajorB, Single32, Single32, Single32>(a, weight, bias, c, sizes, sliced);
        else if (a.Type == ElementType.BFloat16) Stored<TMajorB, BFloat16>(a, weight, bias, c, sizes, sliced);
        else Stored<TMajorB, Single32>(a, weight, bias, c, sizes, sliced);
    }

    private static void Stored<TMajorB, T>(Tensor a, Tensor weight, Tensor? bias, Tensor c, TiledProductSizes sizes, bool sliced)
        where TMajorB : struct, IMajor where T : unmanaged, IStorage<T>
    {
        if (weight.Type == ElementType.BFloat16) Launch<BFloat16Format, KMajor, TMajorB, T, BFloat16, T>(a, weight, bias, c, sizes, sliced);
        else Launch<BFloat16Format, KMajor, TMajorB, T, Single32, T>(a, weight, bias, c, sizes, sliced);
    }

    private static void Launch<TFormat, TMajorA, TMajorB, TA, TB, TC>(Tensor a, Tensor b, Tensor? bias, Tensor c, TiledProductSizes sizes, bool sliced)
        where TFormat : struct, IMmaFormat where TMajorA : struct, IMajor where TMajorB : struct, IMajor
        where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TC : unmanaged, IStorage<TC>
    {
        if (typeof(TA) == typeof(BFloat16) && typeof(TB) == typeof(BFloat16) && RunsPersistent<IdentityEpilogue>(a, b, bias, c, sizes)) Planned<TMajorA, TMajorB, TC>(a, b, bias, c, sizes, sliced);
        else if (typeof(TA) == typeof(BFloat16) && typeof(TB) == typeof(BFloat16) && RunsWgmma(a, b, c.Device, sizes))
            SplitK.Run<WgmmaLaunch<TMajorA, TMajorB, IdentityEpilogue>, TC>(new(a, b, bias, default), c, sizes, sliced);
        else SplitK.Run<MmaLaunch<TFormat, TMajorA, TMajorB, TA, TB, IdentityEpilogue>, TC>(new(a, b, bias, default), c, sizes, sliced);
    }

    private static void Launch<TMajorA, TMajorB>(Tensor a, Tensor b, Tensor? bias, Tensor c, TiledProductSizes sizes, bool sliced)
        where TMajorA : struct, IMajor where TMajorB : struct, IMajor
        => SplitK.Run<SimtLaunch<TMajorA, TMajorB>, Single32>(new(a, b, bias), c, sizes, sliced);

    private static void Planned<TMajorA, TMajorB, TC>(Tensor a, Tensor b, Tensor? bias, Tensor c, TiledProductSizes sizes, bool sliced)
        where TMajorA : struct, IMajor where TMajorB : struct, IMajor where TC : unmanaged, IStorage<TC>
    {
        var plan = TilePlan.For(new(sizes.M, sizes.N, sizes.K, IsSingle: typeof(TC) == typeof(Single32), IsSliced: sliced), c.Device);
        switch (plan.Rows, plan.Columns)
        {
            case (192, _):
                SplitK.Run<PersistentLaunch<Tile192x192, TMajorA, TMajorB, IdentityEpilogue>, TC>(new(a, b, bias, default), c, sizes, plan.Slices);
                break;
            case (_, 256):
                SplitK.Run<PersistentLaunch<Tile128x256, TMajorA, TMajorB, IdentityEpilogue>, TC>(new(a, b, bias, default), c, sizes, plan.Slices);
                break;
            case (_, 192):
                SplitK.Run<PersistentLaunch<Tile128x192, TMajorA, TMajorB, IdentityEpilogue>, TC>(new(a, b, bias, default), c, sizes, plan.Slices);
                break;
            case (128, _):
                SplitK.Run<PersistentLaunch<Tile128x128, TMajorA, TMajorB, IdentityEpilogue>, TC>(new(a, b, bias, default), c, sizes, plan.Slices);
                break;
            default:
                SplitK.Run<PersistentLaunch<Tile64x128, TMajorA, TMajorB, IdentityEpilogue>, TC>(new(a, b, bias, default), c, sizes, plan.Slices);
                break;
        }
    }

    /// <summary>
    /// Whether a product is one of the kernels whose tiles are brought by the copy engine: results in lines of whole eights, at most 2³¹ of them, whose operands are read in eights too. Epilogues by columns of their own, and
    /// results of few columns, are left to the others.
    /// </summary>
    private static bool RunsPersistent<TEpilogue>(Tensor a, Tensor b, Tensor? bias, Tensor c, TiledProductSizes sizes) where TEpilogue : struct, IEpilogue
        => typeof(TEpilogue) != typeof(GeluEpilogue) && (long)sizes.M * sizes.N <= int.MaxValue && c.HasAlignedLines(sizes.N, 8) && bias?.HasAlignedLines(2, 2) != false && RunsWgmma(a, b, c.Device, sizes) && c.Device.TensorMaps == WarpGroupUse.Trusted;

    private static bool RunsWgmma(Tensor a, Tensor b, Device device, TiledProductSizes sizes)
        => device.WarpGroups != WarpGroupUse.Refused && sizes.N >= WgmmaColumns && sizes.K >= WgmmaDepth && a.HasAlignedLines(sizes.ALine, 8) && b.HasAlignedLines(sizes.BLine, 8)
            && WgmmaCheck.Trusts(device);
}
