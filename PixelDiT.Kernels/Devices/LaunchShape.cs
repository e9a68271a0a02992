using System.Numerics;
using PixelDiT.Kernels.Machine.Emulation;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Devices;

/// <summary>How the items of a launch are laid out on a GPU.</summary>
/// <param name="Groups">Groups of threads.</param>
/// <param name="Threads">Threads of a group.</param>
/// <param name="Lanes">Threads of an item: all of a group, or a power of two up to a warp.</param>
internal readonly record struct LaunchShape(int Groups, int Threads, int Lanes)
{
    /// <summary>Threads of a group whose items share it: enough groups fit a multiprocessor to fill it.</summary>
    private const int SharedThreads = 128;

    /// <summary>The shape of a launch.</summary>
    /// <param name="items">The number of items, at least 1.</param>
    /// <param name="lanes">The lanes that an item asks for.</param>
    /// <param name="groupSize">Threads that every group of the device has, or 0 where a launch chooses.</param>
    /// <param name="shared">Whether items may share a group. They do where each has no more lanes than a warp: then no lane meets another in a barrier.</param>
    public static LaunchShape Of(int items, int lanes, int groupSize, bool shared)
    {
        lanes = Math.Min(lanes, groupSize > 0 ? groupSize : Elements.MaxLanes);
        if (shared) lanes = (int)BitOperations.RoundUpToPowerOf2((uint)lanes);
        if (!shared || lanes > WarpExchange.Lanes) return groupSize > 0 ? new(items, groupSize, groupSize) : new(items, lanes, lanes);
        int threads = groupSize > 0 ? groupSize : SharedThreads, together = threads / lanes;
        return new((int)(((long)items + together - 1) / together), threads, lanes);
    }
}
