using PixelDiT.Kernels.Devices;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// A card as arithmetic sees it: enough to say how long a product in tiles should take, by which tiles are chosen and a table is made (docs/kernels.md). Cycles are those of the highest clock.
/// </summary>
/// <param name="Name">The card.</param>
/// <param name="Multiprocessors">Multiprocessors.</param>
/// <param name="Gigahertz">Cycles in a nanosecond at the highest clock.</param>
/// <param name="SustainedTflops">What the card's own library reaches in a large product in bfloat16, 8192 in each direction, measured: under such work the clock falls to what the power allows.</param>
public sealed record CardModel(string Name, int Multiprocessors, double Gigahertz, double SustainedTflops)
{
    /// <summary>Operations of a multiprocessor's tensor cores in a cycle, bfloat16: 989.4 TFLOP/s by data sheet on 132 multiprocessors at 1.83 GHz.</summary>
    public const int FlopsPerCycle = 4096;

    /// <summary>Bytes that a multiprocessor takes from the second-level cache in a cycle at most.</summary>
    public const int PortBytes = 64;

    /// <summary>Bytes in a nanosecond that all multiprocessors take from the second-level cache: 5120 in a cycle of 1.755 GHz.</summary>
    public const double CacheBytesPerNanosecond = 5120 * 1.755;

    /// <summary>Cycles from asking the copy engine for a tile to its first bytes.</summary>
    public const int CopyLatency = 600;

    /// <summary>Cycles between two kernels in one queue, in which no tensor core works: the last groups end, the next begin and fetch their first tiles.</summary>
    public const int LaunchCycles = 3000;

    /// <summary>An H100 SXM.</summary>
    public static CardModel H100 { get; } = new("H100 SXM", 132, 1.98, 797.8);

    /// <summary>An H200, whose multiprocessors are those of an H100.</summary>
    public static CardModel H200 { get; } = new("H200", 132, 1.98, 788);

    /// <summary>A device's card: an H200 with as many multiprocessors as it has.</summary>
    internal static CardModel Of(Device device) => device.Multiprocessors == H200.Multiprocessors ? H200 : H200 with { Multiprocessors = device.Multiprocessors };

    /// <summary>Bytes that each multiprocessor takes from the second-level cache in a cycle while all do.</summary>
    public double CacheBytes => Math.Min(PortBytes, CacheBytesPerNanosecond / Gigahertz / Multiprocessors);

    /// <summary>TFLOP/s of all tensor cores at the highest clock.</summary>
    public double PeakTflops => Multiprocessors * FlopsPerCycle * Gigahertz / 1000;

    /// <summary>Microseconds for operations that take so many cycles: no faster than power allows.</summary>
    public double Microseconds(double flops, double cycles) => Math.Max(cycles / Gigahertz / 1000, flops / SustainedTflops / 1e6);
}
