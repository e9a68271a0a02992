using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// Whether a card's warp groups compute what its warps do, asked once before their first use. Their operands are described by numbers (<see cref="Machine.WarpGroup"/>) that no assembler checks and that have been proven against an emulation only; a
/// card that reads them otherwise would give wrong results without a word.
/// </summary>
internal static class WarpGroupCheck
{
    private const int Rows = 128, Columns = 192, Depth = 136;

    /// <summary>Compares a product of each order. Sums are float32 of the same operands, at most some 10 large: they differ by their order only.</summary>
    public static bool Agrees(Device device)
    {
        using Tensor a = Draw(device, [Rows, Depth], 1), b = Draw(device, [Columns, Depth], 2);
        return Same(device, [Rows, Columns], c => TiledMatMul.Forward(a, b, null, c, Rows, Columns, Depth, Precision.BFloat16))
            && Same(device, [Depth, Columns], c => TiledMatMul.BackwardInput(a, b, c, Depth, Columns, Rows, accumulate: false, Precision.BFloat16))
            && Same(device, [Depth, Columns], c => TiledMatMul.BackwardWeight(a, b, c, Depth, Columns, Rows, accumulate: false, Precision.BFloat16), ElementType.Single);
    }

    private static bool Same(Device device, Shape shape, Action<Tensor> multiply, ElementType type = ElementType.BFloat16)
    {
        using Tensor wide = device.Allocate(shape, type), plain = device.Allocate(shape, type);
        device.WarpGroups = WarpGroupUse.Trusted;
        multiply(wide);
        device.WarpGroups = WarpGroupUse.Refused;
        multiply(plain);
        return wide.ToArray().Zip(plain.ToArray()).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-4 + (type == ElementType.BFloat16 ? Math.Abs(pair.Second) / 64 : 0));
    }

    private static Tensor Draw(Device device, Shape shape, int seed)
    {
        var random = new Random(seed);
        var tensor = device.Allocate(shape, ElementType.BFloat16);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
        return tensor;
    }
}
