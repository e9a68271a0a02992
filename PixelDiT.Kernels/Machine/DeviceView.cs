using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;

namespace PixelDiT.Kernels.Machine;

/// <summary>
/// A tensor's memory as kernels take it: its address on the device, and nothing else. A formula that holds several of these stays small enough for a
/// CPU's registers, which with ILGPU's own views, four words each, it does not.
/// </summary>
/// <typeparam name="T">The element as stored.</typeparam>
public readonly unsafe struct DeviceView<T> where T : unmanaged
{
    // A number, because ILGPU takes no pointers as arguments of a kernel.
    private readonly long _address;

    internal DeviceView(ArrayView<T> memory) => _address = (long)memory.LoadEffectiveAddressAsPtr();

    /// <summary>Memory of the host's own, for formulas inside a CPU's body.</summary>
    internal DeviceView(T* address) => _address = (long)address;

    /// <summary>The first element.</summary>
    public T* Address
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (T*)_address;
    }

    /// <summary>The address of the first element as a number, for instructions that take one.</summary>
    internal long Start => _address;

    /// <summary>An element, for the bodies that a GPU runs.</summary>
    public ref T this[long index] => ref Address[index];
}
