using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Machine;

/// <summary>A short row that repeats along a range, such as a bias under a matrix seen as one range.</summary>
internal static unsafe class RowPattern
{
    /// <summary>The pattern's elements under elements <paramref name="i"/> onward: pattern[i mod columns], also where a vector runs over the row's end.</summary>
    public static S Load<L, S>(DeviceView<float> pattern, long i, int columns) where L : struct, ILanes<S> where S : unmanaged
    {
        int column = (int)(i % columns);
        return column + L.Count <= columns ? L.Load(pattern, column) : Wrapped<L, S>(pattern, column, columns);
    }

    [IntrinsicImplementation, DeviceBody(nameof(DeviceWrapped))]
    private static S Wrapped<L, S>(DeviceView<float> pattern, int column, int columns) where L : struct, ILanes<S> where S : unmanaged
    {
        float* source = Host.Pointer(pattern);
        S result = default;
        float* target = (float*)Unsafe.AsPointer(ref result);
        for (int k = 0; k < L.Count; k++) target[k] = source[(column + k) % columns];
        return result;
    }

    // One element never runs over the end of a row.
    private static S DeviceWrapped<L, S>(DeviceView<float> pattern, int column, int columns) where L : struct, ILanes<S> where S : unmanaged => L.Load(pattern, column);
}
