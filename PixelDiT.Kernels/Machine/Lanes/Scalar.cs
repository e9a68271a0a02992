using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Machine.Lanes;

/// <summary>Single elements read inside formulas.</summary>
public static unsafe class Scalar
{
    /// <summary>One element that all lanes share; on a CPU without the view's bounds check, which costs more than the formula.</summary>
    [IntrinsicImplementation, DeviceBody(nameof(DeviceRead)), MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(DeviceView<float> view, long index) => view.Address[index];

    /// <summary>Writes one element.</summary>
    [IntrinsicImplementation, DeviceBody(nameof(DeviceWrite)), MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(DeviceView<float> view, long index, float value) => view.Address[index] = value;

    /// <summary>One stored element as float32.</summary>
    [IntrinsicImplementation, DeviceBody(nameof(DeviceReadStored)), MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read<T>(DeviceView<T> view, long index) where T : unmanaged, IStorage<T> => T.ToSingle(view.Address[index]);

    /// <summary>Writes one element, rounded to the storage.</summary>
    [IntrinsicImplementation, DeviceBody(nameof(DeviceWriteStored)), MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write<T>(DeviceView<T> view, long index, float value) where T : unmanaged, IStorage<T> => view.Address[index] = T.FromSingle(value);

    /// <summary>One label.</summary>
    [IntrinsicImplementation, DeviceBody(nameof(DeviceReadLabel)), MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ReadLabel(DeviceView<int> view, long index) => view.Address[index];

    private static int DeviceReadLabel(DeviceView<int> view, long index) => view[index];

    private static void DeviceWrite(DeviceView<float> view, long index, float value) => view[index] = value;

    private static float DeviceReadStored<T>(DeviceView<T> view, long index) where T : unmanaged, IStorage<T> => T.ToSingle(view[index]);

    private static void DeviceWriteStored<T>(DeviceView<T> view, long index, float value) where T : unmanaged, IStorage<T> => view[index] = T.FromSingle(value);

    private static float DeviceRead(DeviceView<float> view, long index) => view[index];
}
