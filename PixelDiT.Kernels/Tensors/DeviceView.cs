using ILGPU;
using ILGPU.Runtime;

namespace PixelDiT.Kernels.Tensors;

/// <summary>
/// A tensor's memory as kernels take it: ILGPU's view, which is what a GPU reads, and its address, which is what a CPU's bodies read. Kept beside the view, the
/// address costs one load; asked of the view each time it costs more than most formulas.
/// </summary>
/// <typeparam name="T">The element as stored.</typeparam>
/// <param name="memory">The memory.</param>
public readonly unsafe struct DeviceView<T>(ArrayView<T> memory) where T : unmanaged
{
    /// <summary>ILGPU's view.</summary>
    public readonly ArrayView<T> Memory = memory;

    /// <summary>The first element's address in the device's memory.</summary>
    public readonly long Address = memory.IsValid ? (long)memory.LoadEffectiveAddressAsPtr() : 0;

    /// <summary>An element, for the bodies that a GPU runs.</summary>
    public ref T this[long index] => ref Memory[index];
}
