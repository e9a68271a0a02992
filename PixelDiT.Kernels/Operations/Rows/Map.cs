using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Operations.Rows;

/// <summary>Applies an element formula to a whole range, a fixed chunk an item.</summary>
internal readonly struct MapKernel<TEach>(TEach each, long count) : IKernel where TEach : struct, IEach
{
    /// <summary>Elements of an item.</summary>
    public const int Chunk = 4096;

    private readonly TEach _each = each;
    private readonly long _count = count;

    public void Run(int item, int lane, int lanes)
    {
        long first = (long)item * Chunk, left = _count - first;
        Elements.For(_each, first, left < Chunk ? (int)left : Chunk, lane, lanes);
    }
}

/// <summary>Launches formulas without naming their kernel.</summary>
internal static class Map
{
    /// <summary>Applies a formula to [0, count).</summary>
    public static void Launch<TEach>(Device device, TEach each, long count) where TEach : struct, IEach
        => device.Launch(new MapKernel<TEach>(each, count), (int)((count + MapKernel<TEach>.Chunk - 1) / MapKernel<TEach>.Chunk), Elements.MaxLanes);
}
