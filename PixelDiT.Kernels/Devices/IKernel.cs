using System.Runtime.CompilerServices;
using ILGPU;

namespace PixelDiT.Kernels.Devices;

/// <summary>
/// A kernel: a struct that holds its arguments (views and numbers) and whose indices are parameters. The same method is compiled to PTX,
/// run by ILGPU's CPU accelerator, and called directly by this project's own threads. What differs between machines, the loops over elements and the
/// tiles of products and attention, stands behind intrinsics with a body for the CPU and one for PTX.
/// </summary>
public interface IKernel
{
    /// <summary>Does the work of one item, or, in a group of several lanes, this lane's share of it.</summary>
    /// <param name="item">The item: a row, a tile, a chunk. Work is cut by problem size, never by thread count, so results do not depend on threads.</param>
    /// <param name="lane">This work item's place in its group, from 0.</param>
    /// <param name="lanes">Work items in the group: 1 on a CPU.</param>
    void Run(int item, int lane, int lanes);
}

/// <summary>
/// A kernel whose items may share a group on a GPU, because its lanes meet nowhere but in <see cref="Machine.Lanes.Elements"/>, which needs no barrier up to 32 lanes: an item with few
/// lanes then has neighbours, and several items fill a group. A kernel that has barriers or shared memory of its own is an <see cref="IKernel"/> and nothing more, and has
/// each group to itself.
/// </summary>
internal interface IRowKernel : IKernel;

/// <summary>Marks a kernel that only CPUs run, such as the packing of a weight; it has no body in PTX.</summary>
[AttributeUsage(AttributeTargets.Struct)]
internal sealed class HostOnlyAttribute : Attribute;

/// <summary>A kernel of which a GPU's multiprocessor must be able to hold several groups at once: the assembler then gives a thread no more registers than that leaves.</summary>
internal interface ILaunchBounds : IKernel
{
    /// <summary>Groups of <see cref="Machine.Lanes.Elements.MaxLanes"/> threads.</summary>
    static abstract int MinGroupsPerMultiprocessor { get; }
}

/// <summary>A kernel that wants more shared memory than the 48 KiB which a kernel may declare; a GPU is asked for it at the launch.</summary>
internal interface IDynamicSharedKernel : IKernel
{
    /// <summary>Bytes of <see cref="Machine.Gpu.Memory.DynamicShared"/>.</summary>
    static abstract int SharedBytes { get; }
}

/// <summary>A kernel whose groups are larger than <see cref="Machine.Lanes.Elements.MaxLanes"/> and stay on a multiprocessor for the whole launch, one each.</summary>
internal interface IPersistentKernel : IDynamicSharedKernel
{
    /// <summary>Threads of a group.</summary>
    static abstract int GroupThreads { get; }
}

/// <summary>How each back end enters a kernel.</summary>
internal static unsafe class KernelEntry
{
    /// <summary>ILGPU's entry: reads the indices once and hands them over.</summary>
    public static void Grouped<TKernel>(TKernel kernel) where TKernel : struct, IKernel => kernel.Run(Grid.IdxX, Group.IdxX, Group.DimX);

    /// <summary>ILGPU's entry of a kernel whose items may share a group: each has 2^<paramref name="shift"/> neighbouring threads.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="items">The number of items; the last group may have places for more.</param>
    /// <param name="shift">The logarithm of an item's lanes.</param>
    public static void Shared<TKernel>(TKernel kernel, int items, int shift) where TKernel : struct, IRowKernel
    {
        int thread = Group.IdxX, lanes = 1 << shift, item = (Grid.IdxX * (Group.DimX >> shift)) + (thread >> shift);
        // Unsigned: beyond the last of 2³¹ − 1 items the number is negative.
        if ((uint)item < (uint)items) kernel.Run(item, thread & (lanes - 1), lanes);
    }

    /// <summary>The thread pool's entry: a run of items, one lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Direct<TKernel>(void* kernel, int first, int end) where TKernel : struct, IKernel
    {
        TKernel local = Unsafe.AsRef<TKernel>(kernel);
        for (int item = first; item < end; item++) local.Run(item, 0, 1);
    }
}
