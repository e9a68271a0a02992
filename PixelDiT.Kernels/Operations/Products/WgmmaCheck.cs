using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// Whether a card's warp groups compute what they should, asked once before their first use. Their operands are described by numbers (<see cref="Machine.Gpu.Wgmma"/>) that no assembler checks; a card that reads them otherwise would give wrong results without a word. Small products of
/// every order are compared with those of a host in double precision, in results that held NaN before; a product that keeps all multiprocessors busy is taken three times, which must give equal bits, and compared with that of warps.
/// Then the same of products whose tiles the copy engine brings, in the place of the first.
/// <para>A card that does not load such kernels does without them. One whose kernels fault has lost its context, and nothing can go on: the error says so, and names the device that does without them.</para>
/// </summary>
internal static class WgmmaCheck
{
    private const int LargeColumns = 1152, LargeDepth = 1152, Repeats = 3;

    /// <summary>Whether products may use warp groups.</summary>
    /// <param name="device">Asked once.</param>
    /// <param name="rows">Of the products that are compared; by default each takes several tiles, more of k than there are stages, and gradients are cut into slices.</param>
    /// <param name="columns">Their columns.</param>
    /// <param name="depth">Their k.</param>
    /// <exception cref="DeviceException">The card is lost.</exception>
    public static bool Trusts(Device device, int rows = 136, int columns = 264, int depth = 584)
    {
        if (device.WarpGroups == WarpGroupUse.Unchecked)
        {
            var maps = device.TensorMaps;
            device.TensorMaps = WarpGroupUse.Refused;
            device.WarpGroupReason = Check(device, rows, columns, depth, "cuda-mma");
            device.WarpGroups = device.WarpGroupReason is null ? WarpGroupUse.Trusted : WarpGroupUse.Refused;
            if (maps == WarpGroupUse.Unchecked && device.WarpGroups == WarpGroupUse.Trusted)
            {
                device.TensorMaps = WarpGroupUse.Trusted;
                device.TensorMapReason = Check(device, rows, columns, depth, "cuda-wgmma");
                device.WarpGroups = WarpGroupUse.Trusted;
                device.TensorMaps = device.TensorMapReason is null ? WarpGroupUse.Trusted : WarpGroupUse.Refused;
            }
        }
        return device.WarpGroups == WarpGroupUse.Trusted;
    }

    /// <summary>Why they are not trusted, or null.</summary>
    private static string? Check(Device device, int m, int n, int k, string without)
    {
        using Tensor a = Draw(device, [m, k], 1), b = Draw(device, [n, k], 2), bT = Draw(device, [k, n], 3), aT = Draw(device, [k, m], 4);
        try
        {
            device.WarpGroups = WarpGroupUse.Trusted;
            return Compare(device, "x·Wᵀ", [m, n], ElementType.BFloat16, Exact(a, b, m, n, k, (k, 1), (k, 1)), k, c => TiledMatMul.Forward(a, b, null, c, m, n, k, Precision.BFloat16))
                ?? Compare(device, "dy·W", [m, n], ElementType.BFloat16, Exact(a, bT, m, n, k, (k, 1), (1, n)), k, c => TiledMatMul.BackwardInput(a, bT, c, m, n, k, accumulate: false, Precision.BFloat16))
                ?? Compare(device, "dyᵀ·x", [m, n], ElementType.Single, Exact(aT, bT, m, n, k, (1, m), (1, n)), k, c => TiledMatMul.BackwardWeight(aT, bT, c, m, n, k, accumulate: false, Precision.BFloat16))
                ?? (device.Kind == DeviceKind.Cuda ? Repeat(device) : null);
        }
        catch (DeviceException error)
        {
            try
            {
                device.Synchronize();
            }
            catch (DeviceException)
            {
                throw new DeviceException($"{error.Message}; the card was lost while its warp groups were checked, and --device {without} does without them", error);
            }
            return error.Message;
        }
    }

    /// <summary>A large product several times: two waves of all multiprocessors, so that what depends on time shows.</summary>
    private static string? Repeat(Device device)
    {
        int m = Machine.Gpu.WgmmaTile.Rows * Math.Max(1, 2 * device.Multiprocessors / ((LargeColumns + Machine.Gpu.WgmmaTile.Columns - 1) / Machine.Gpu.WgmmaTile.Columns));
        using Tensor a = Draw(device, [m, LargeDepth], 5), b = Draw(device, [LargeColumns, LargeDepth], 6);
        float[] first = Multiply(device, [m, LargeColumns], ElementType.BFloat16, Forward);
        for (int i = 1; i < Repeats; i++)
        {
            float[] again = Multiply(device, [m, LargeColumns], ElementType.BFloat16, Forward);
            if (!first.AsSpan().SequenceEqual(again)) return $"a product {m} by {LargeColumns} by {LargeDepth} gave other bits the second time";
        }
        device.WarpGroups = WarpGroupUse.Refused;
        float[] plain = Multiply(device, [m, LargeColumns], ElementType.BFloat16, Forward);
        return Differ("a large product", first, Array.ConvertAll(plain, value => (double)value), LargeDepth, ElementType.BFloat16);

        void Forward(Tensor c) => TiledMatMul.Forward(a, b, null, c, m, LargeColumns, LargeDepth, Precision.BFloat16);
    }

    private static string? Compare(Device device, string what, Shape shape, ElementType type, double[] exact, int depth, Action<Tensor> multiply) => Differ(what, Multiply(device, shape, type, multiply), exact, depth, type);

    private static float[] Multiply(Device device, Shape shape, ElementType type, Action<Tensor> multiply)
    {
        using var result = device.Allocate(shape, type);
        result.Upload([.. Enumerable.Repeat(float.NaN, (int)shape.Count)]);
        multiply(result);
        return result.ToArray();
    }

    /// <summary>
    /// A card cuts each step's sum at its 24 bits, in an order of its own: 2⁻²⁰·√k of the largest result leaves room for that, and none for a wrong operand. What is stored in bfloat16 is rounded by 2⁻⁹ of itself besides, and
    /// twice that where both sides were.
    /// </summary>
    private static string? Differ(string what, float[] actual, double[] expected, int depth, ElementType type)
    {
        double sums = expected.Max(Math.Abs) * Math.Sqrt(depth) / (1 << 20), stored = type == ElementType.BFloat16 ? 1.0 / 256 : 0;
        for (int i = 0; i < actual.Length; i++)
        {
            if (!(Math.Abs(actual[i] - expected[i]) <= sums + (stored * Math.Abs(expected[i])))) return $"element {i} of {what} is {actual[i]} instead of {expected[i]}";
        }
        return null;
    }

    /// <summary>A product in double precision; operands are read by their strides along rows or columns, and along k.</summary>
    private static double[] Exact(Tensor a, Tensor b, int m, int n, int k, (int Line, int Step) left, (int Line, int Step) right)
    {
        double[] x = Array.ConvertAll(a.ToArray(), value => (double)value), y = Array.ConvertAll(b.ToArray(), value => (double)value), result = new double[m * n];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int step = 0; step < k; step++)
                {
                    sum += x[(i * left.Line) + (step * left.Step)] * y[(j * right.Line) + (step * right.Step)];
                }
                result[(i * n) + j] = sum;
            }
        }
        return result;
    }

    private static Tensor Draw(Device device, Shape shape, int seed)
    {
        var random = new Random(seed);
        var tensor = device.Allocate(shape, ElementType.BFloat16);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
        return tensor;
    }
}
