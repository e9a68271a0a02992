using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// Launches <see cref="TensorProduct{TFormat, TOrderA, TOrderB, TA, TB, TC}"/>. Where few tiles would have to sum far along k, k is cut into slices whose sums are added in order; the cut depends on the
/// shapes alone, so that every card gives the same bits.
/// </summary>
internal static class TensorMatMul
{
    /// <summary>Two tiles for each multiprocessor of the largest cards.</summary>
    private const int EnoughTiles = 264;

    private const int SmallestSlice = 256, SliceStep = 32;

    /// <summary>Whether a device has the instructions, or stands in for one that has.</summary>
    public static bool RunsOn(Device device) => device.Kind == DeviceKind.Cuda || device.GroupSize == TensorProduct.Lanes;

    /// <summary>y [m, n] = x [m, k]·Wᵀ + b, W [n, k].</summary>
    public static void Forward(Tensor x, Tensor weight, Tensor? bias, Tensor y, int m, int n, int k, Precision precision)
        => Stored<Along>(precision, x, weight, bias, y, new() { M = m, N = n, K = k, ALine = k, BLine = k }, sliced: false);

    /// <summary>dx [m, n] = or += dy [m, k]·W, W [k, n].</summary>
    public static void BackwardInput(Tensor dY, Tensor weight, Tensor dX, int m, int n, int k, bool accumulate, Precision precision)
        => Stored<Across>(precision, dY, weight, null, dX, new() { M = m, N = n, K = k, ALine = k, BLine = n, Accumulate = accumulate ? 1 : 0 }, sliced: true);

    /// <summary>dW [m, n] = or += dyᵀ·x, dy [k, m], x [k, n].</summary>
    public static void BackwardWeight(Tensor dY, Tensor x, Tensor dWeight, int m, int n, int k, bool accumulate, Precision precision)
    {
        var sizes = new TensorProductSizes { M = m, N = n, K = k, ALine = m, BLine = n, Accumulate = accumulate ? 1 : 0 };
        if (precision == Precision.TensorFloat32) Launch<TensorFloatFormat, Across, Across, Single32, Single32, Single32>(dY, x, null, dWeight, sizes, sliced: true);
        else if (x.Type == ElementType.BFloat16) Launch<BrainFormat, Across, Across, BFloat16, BFloat16, Single32>(dY, x, null, dWeight, sizes, sliced: true);
        else Launch<BrainFormat, Across, Across, Single32, Single32, Single32>(dY, x, null, dWeight, sizes, sliced: true);
    }

    private static void Stored<TOrderB>(Precision precision, Tensor a, Tensor weight, Tensor? bias, Tensor c, TensorProductSizes sizes, bool sliced) where TOrderB : struct, IOrder
    {
        if (precision == Precision.TensorFloat32) Launch<TensorFloatFormat, Along, TOrderB, Single32, Single32, Single32>(a, weight, bias, c, sizes, sliced);
        else if (a.Type == ElementType.BFloat16) Stored<TOrderB, BFloat16>(a, weight, bias, c, sizes, sliced);
        else Stored<TOrderB, Single32>(a, weight, bias, c, sizes, sliced);
    }

    private static void Stored<TOrderB, T>(Tensor a, Tensor weight, Tensor? bias, Tensor c, TensorProductSizes sizes, bool sliced)
        where TOrderB : struct, IOrder where T : unmanaged, IStorage<T>
    {
        if (weight.Type == ElementType.BFloat16) Launch<BrainFormat, Along, TOrderB, T, BFloat16, T>(a, weight, bias, c, sizes, sliced);
        else Launch<BrainFormat, Along, TOrderB, T, Single32, T>(a, weight, bias, c, sizes, sliced);
    }

    private static void Launch<TFormat, TOrderA, TOrderB, TA, TB, TC>(Tensor a, Tensor b, Tensor? bias, Tensor c, TensorProductSizes sizes, bool sliced)
        where TFormat : struct, IOperandFormat where TOrderA : struct, IOrder where TOrderB : struct, IOrder
        where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TC : unmanaged, IStorage<TC>
    {
        var device = c.Device;
        var (viewA, viewB, viewC, viewBias) = (a.View<TA>(), b.View<TB>(), c.View<TC>(), bias is null ? default : bias.View<float>());
        sizes.HasBias = bias is null ? 0 : 1;
        sizes.RowTiles = (sizes.M + OperandTile.Size - 1) / OperandTile.Size;
        sizes.ColumnTiles = (sizes.N + OperandTile.Size - 1) / OperandTile.Size;
        sizes.AlignedA = IsAligned(viewA.Start, (long)sizes.ALine * Tensor.SizeOf(a.Type), 16);
        sizes.AlignedB = IsAligned(viewB.Start, (long)sizes.BLine * Tensor.SizeOf(b.Type), 16);
        int tiles = sizes.RowTiles * sizes.ColumnTiles, slices = sliced ? Math.Clamp(sizes.K / SmallestSlice, 1, Math.Max(1, EnoughTiles / tiles)) : 1;
        sizes.SliceDepth = (((sizes.K + slices - 1) / slices) + SliceStep - 1) / SliceStep * SliceStep;
        slices = (sizes.K + sizes.SliceDepth - 1) / sizes.SliceDepth;
        if (slices == 1)
        {
            sizes.AlignedC = IsAligned(viewC.Start, (long)sizes.N * Tensor.SizeOf(c.Type), 4 * Tensor.SizeOf(c.Type));
            device.Launch(new TensorProduct<TFormat, TOrderA, TOrderB, TA, TB, TC>(viewA, viewB, viewBias, viewC, sizes), tiles, TensorProduct.Lanes);
            return;
        }
        using var partials = device.Allocate([slices, sizes.M, sizes.N]);
        var viewPartials = partials.View<Single32>();
        int accumulate = sizes.Accumulate;
        sizes.Accumulate = 0;
        sizes.CSlice = (long)sizes.M * sizes.N;
        sizes.AlignedC = IsAligned(viewPartials.Start, (long)sizes.N * sizeof(float), 16);
        device.Launch(new TensorProduct<TFormat, TOrderA, TOrderB, TA, TB, Single32>(viewA, viewB, viewBias, viewPartials, sizes), tiles * slices, TensorProduct.Lanes);
        Map.Launch(device, new MatMul.AddSlices<TC>(partials.View<float>(), viewC, slices, sizes.CSlice, accumulate), sizes.CSlice);
    }

    private static int IsAligned(long start, long lineBytes, int bytes) => start % bytes == 0 && lineBytes % bytes == 0 ? 1 : 0;
}
