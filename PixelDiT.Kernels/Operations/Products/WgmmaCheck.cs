using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// Whether a card's warp groups compute what its warps do, asked once before their first use. Their operands are described by numbers (<see cref="Machine.Gpu.Wgmma"/>) that no assembler checks and that have been proven against an emulation only; a card that reads them otherwise would give wrong
/// results without a word. One that does not load such kernels does without them.
/// </summary>
internal static class WgmmaCheck
{
    /// <summary>Whether products may use warp groups.</summary>
    /// <param name="device">Asked once.</param>
    /// <param name="rows">Of the products that are compared; by default each takes several tiles, more of k than there are stages, and gradients are cut into slices.</param>
    /// <param name="columns">Their columns.</param>
    /// <param name="depth">Their k.</param>
    public static bool Trusts(Device device, int rows = 136, int columns = 264, int depth = 584)
    {
        if (device.WarpGroups == WarpGroupUse.Unchecked) device.WarpGroups = Agrees(device, rows, columns, depth) ? WarpGroupUse.Trusted : WarpGroupUse.Refused;
        return device.WarpGroups == WarpGroupUse.Trusted;
    }

    private static bool Agrees(Device device, int m, int n, int k)
    {
        using Tensor a = Draw(device, [m, k], 1), b = Draw(device, [n, k], 2);
        try
        {
            return Same(device, [m, n], ElementType.BFloat16, c => TiledMatMul.Forward(a, b, null, c, m, n, k, Precision.BFloat16))
                && Same(device, [m, n], ElementType.BFloat16, c => TiledMatMul.BackwardInput(a, b, c, m, n, k, accumulate: false, Precision.BFloat16))
                && Same(device, [m, n], ElementType.Single, c => TiledMatMul.BackwardWeight(a, b, c, m, n, k, accumulate: false, Precision.BFloat16));
        }
        catch (Exception error) when (error is ILGPU.Runtime.AcceleratorException or DeviceException)
        {
            return false;
        }
    }

    /// <summary>Sums are float32 of the same operands, some 30 large at most: they differ by their order only, and by a unit of the last place where they are stored in bfloat16.</summary>
    private static bool Same(Device device, Shape shape, ElementType type, Action<Tensor> multiply)
    {
        using Tensor wide = device.Allocate(shape, type), plain = device.Allocate(shape, type);
        device.WarpGroups = WarpGroupUse.Trusted;
        multiply(wide);
        device.WarpGroups = WarpGroupUse.Refused;
        multiply(plain);
        return wide.ToArray().Zip(plain.ToArray()).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-4 + (type == ElementType.BFloat16 ? Math.Abs(pair.Second) / 128 : 0));
    }

    private static Tensor Draw(Device device, Shape shape, int seed)
    {
        var random = new Random(seed);
        var tensor = device.Allocate(shape, ElementType.BFloat16);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
        return tensor;
    }
}
