using System.Globalization;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Reference.Benchmarking.Predicting;

/// <summary>
/// Products of 8192 × 8192 × 8192 in bfloat16 that others have measured on an H100 SXM, step after step of one author's kernels (github.com/pranjalssh/fast.cu, README), and what the arithmetic of <see cref="CardModel"/> says
/// of them. It has one number from measurements, what the card's own library reaches; whoever wants to believe it of kernels that nobody has run should first see it tell those that somebody has.
/// </summary>
/// <param name="Name">What the kernel does.</param>
/// <param name="Measured">TFLOP/s as published.</param>
/// <param name="Rows">Rows of a tile.</param>
/// <param name="Columns">Columns of a tile.</param>
/// <param name="Groups">Multiprocessors that work.</param>
/// <param name="Arrivals">Arrivals of threads at barriers in a step of k, which come one in a cycle.</param>
/// <param name="IsBuffered">Whether tiles are copied while others are multiplied.</param>
internal sealed record ProductLadder(string Name, double Measured, int Rows, int Columns, int Groups, int Arrivals, bool IsBuffered)
{
    private const int Size = 8192;

    /// <summary>The steps: a tile is waited for and then multiplied; a producer and three consumers that meet at barriers where every thread arrives; the same in groups that stay; with barriers at which one thread arrives for many; and the card's library.</summary>
    public static IReadOnlyList<ProductLadder> All { get; } =
    [
        new("copies that are waited for", 488.5, 192, 192, 132, 768, IsBuffered: false),
        new("a producer, consumers, all threads arrive", 635.4, 192, 192, 132, 768, IsBuffered: true),
        new("the same, groups that stay", 658.4, 192, 192, 128, 768, IsBuffered: true),
        new("one thread arrives for many (mbarrier)", 777.5, 192, 192, 128, 6, IsBuffered: true),
        new("cuBLAS", 797.8, 128, 256, 132, 6, IsBuffered: true)
    ];

    /// <summary>TFLOP/s by arithmetic. A step of k costs what its tensor cores or its copies take, whichever is longer, and the arrivals; without buffers a copy and the multiplication follow each other, and arrivals pass while it is on its way.</summary>
    public double Predicted
    {
        get
        {
            var card = CardModel.H100;
            double multiply = 2.0 * Rows * Columns * TilePlan.StepDepth / CardModel.FlopsPerCycle, bytes = (Rows + Columns) * TilePlan.StepDepth * 2;
            double step = IsBuffered ? Math.Max(multiply + Arrivals, bytes / card.CacheBytes) : Math.Max(CardModel.CopyLatency + (bytes / CardModel.PortBytes), Arrivals) + multiply;
            int tiles = Tiles(Rows) * Tiles(Columns), turns = (tiles + Groups - 1) / Groups;
            double flops = 2.0 * Size * Size * Size, cycles = turns * (Size / (double)TilePlan.StepDepth) * step;
            return flops / card.Microseconds(flops, cycles) / 1e6;
        }
    }

    /// <summary>How far the arithmetic is off, as a share of what was measured.</summary>
    public double Error => (Predicted / Measured) - 1;

    /// <summary>A line of docs/predictions.md.</summary>
    public string Line => string.Create(CultureInfo.InvariantCulture, $"| {Name} | {Measured:0} | {Predicted:0} | {100 * Error:+0.0;−0.0} % |");

    private static int Tiles(int side) => (Size + side - 1) / side;
}
