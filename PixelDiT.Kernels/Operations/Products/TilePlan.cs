using System.Collections.Concurrent;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>The sizes of a product C [M, N] = A [M, K]·B [K, N] as far as its cut depends on them.</summary>
/// <param name="M">Rows.</param>
/// <param name="N">Columns.</param>
/// <param name="K">Terms of a sum.</param>
/// <param name="IsSingle">Whether C is float32: a gradient of weights.</param>
/// <param name="IsSliced">Whether k may be cut: a gradient.</param>
/// <param name="HasOperands">Whether an epilogue reads more than the result.</param>
public readonly record struct ProductShape(int M, int N, int K, bool IsSingle = false, bool IsSliced = false, bool HasOperands = false)
{
    /// <summary>Operations.</summary>
    public double Flops => 2.0 * M * N * K;
}

/// <summary>How a product is cut for a card's multiprocessors: the tile, and slices of k.</summary>
/// <param name="Rows">Rows of a tile.</param>
/// <param name="Columns">Columns of a tile.</param>
/// <param name="Slices">Slices of k.</param>
public readonly record struct TilePlan(int Rows, int Columns, int Slices)
{
    /// <summary>Terms of a sum that a tile of an operand holds.</summary>
    public const int StepDepth = WgmmaTile.Depth;

    private const int MostSlices = 16, SmallestSlice = 256, FewRows = 64;

    /// <summary>Cycles of a tile's end in which its tensor cores wait, for each column: sums to shared memory and meetings, or, in float32, to memory from registers.</summary>
    private const double StagedCycles = 3.5, StoredCycles = 14;

    private static readonly ConcurrentDictionary<(ProductShape Shape, int Multiprocessors), TilePlan> s_plans = new();

    /// <summary>Tiles that products can be cut into.</summary>
    public static IReadOnlyList<(int Rows, int Columns)> Tiles { get; } = [(192, 192), (128, 256), (128, 192), (128, 128), (64, 128)];

    /// <summary>The cut that should take the least time on a device's card, looked for once for each shape.</summary>
    internal static TilePlan For(ProductShape shape, Device device)
        => s_plans.GetOrAdd((shape, device.Multiprocessors), static (key, card) => For(key.Shape, card), CardModel.Of(device));

    /// <summary>The cut that should take the least time.</summary>
    /// <param name="shape">The product.</param>
    /// <param name="card">The card.</param>
    public static TilePlan For(ProductShape shape, CardModel card)
    {
        TilePlan best = default;
        double least = double.PositiveInfinity;
        foreach (var (rows, columns) in Tiles)
        {
            if (!HasKernel(shape, rows, columns)) continue;
            for (int slices = 1; slices <= (shape.IsSliced ? MostSlices : 1); slices++)
            {
                if (slices > 1 && shape.K / slices < SmallestSlice) break;
                var plan = new TilePlan(rows, columns, slices);
                if (plan.Microseconds(shape, card) is var time && time < least * 0.999) (best, least) = (plan, time);
            }
        }
        return best;
    }

    /// <summary>Whether there is a kernel of the tile: epilogues have the two largest, gradients of weights have no small ones, and few rows are those of a product without slices.</summary>
    private static bool HasKernel(ProductShape shape, int rows, int columns) => (rows, columns) switch
    {
        (FewRows, _) => shape is { M: <= FewRows, IsSliced: false, IsSingle: false, HasOperands: false },
        (128, 128) => shape is { HasOperands: false, IsSingle: false },
        (128, 192) => !shape.HasOperands,
        _ => true
    };

    /// <summary>Tiles of C times slices.</summary>
    public int Items(ProductShape shape) => ((shape.M + Rows - 1) / Rows) * ((shape.N + Columns - 1) / Columns) * Slices;

    /// <summary>Steps of k of a slice.</summary>
    public int SliceDepth(ProductShape shape)
    {
        int depth = (shape.K + Slices - 1) / Slices;
        return (depth + WgmmaTile.Depth - 1) / WgmmaTile.Depth * WgmmaTile.Depth;
    }

    /// <summary>The share of the tensor cores' time in which they multiply what C has: tiles that reach beyond it and multiprocessors without a tile are lost.</summary>
    public double Share(ProductShape shape, CardModel card)
    {
        int turns = (Items(shape) + card.Multiprocessors - 1) / card.Multiprocessors;
        return (double)shape.M * shape.N * shape.K / ((double)turns * card.Multiprocessors * Rows * Columns * SliceDepth(shape));
    }

    /// <summary>Cycles of the whole product: the busiest multiprocessor's tiles one after the other, each as fast as the tensor cores multiply or the cache gives, and what nothing overlaps.</summary>
    public double Cycles(ProductShape shape, CardModel card)
    {
        int turns = (Items(shape) + card.Multiprocessors - 1) / card.Multiprocessors, steps = SliceDepth(shape) / WgmmaTile.Depth;
        double step = Math.Max(2.0 * Rows * Columns * WgmmaTile.Depth / CardModel.FlopsPerCycle, (Rows + Columns) * WgmmaTile.LineBytes / card.CacheBytes);
        double end = Columns * Rows / 128.0 * (shape.IsSingle || Slices > 1 ? StoredCycles : StagedCycles);
        // Partial sums are written by the product and read once by the sum of slices, from the cache where they fit.
        double added = Slices > 1 ? CardModel.LaunchCycles + ((Slices + 1.0) * shape.M * shape.N * 4 / card.CacheBytes / card.Multiprocessors) : 0;
        return CardModel.LaunchCycles + (turns * ((steps * step) + end)) + added;
    }

    /// <summary>What it should take.</summary>
    public double Microseconds(ProductShape shape, CardModel card) => card.Microseconds(shape.Flops, Cycles(shape, card));
}
