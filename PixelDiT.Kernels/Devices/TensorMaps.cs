using ILGPU.Runtime.Cuda;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Devices;

/// <summary>Tensor maps of matrices of bfloat16: what a card's copy engine has to know of a matrix to bring tiles of it, and zeros for what lies beyond (CUDA driver API, "Tensor Map Object Management").</summary>
internal static unsafe class TensorMaps
{
    private const int BFloat16Elements = 9, Swizzle128Bytes = 3, Promotion256Bytes = 3, Alignment = 64;

    /// <summary>The map of a matrix whose lines follow each other in memory.</summary>
    /// <param name="address">Of its first element, a multiple of 16.</param>
    /// <param name="elements">Of a line.</param>
    /// <param name="lines">How many there are.</param>
    /// <param name="stride">From a line to the next, in elements, a multiple of 8.</param>
    /// <param name="boxLines">Lines of a box, at most 256; it has 64 elements of each, whose chunks of 16 bytes are moved as <see cref="WgmmaTile"/> says.</param>
    /// <exception cref="DeviceException">The driver refuses, or is older than CUDA 12.</exception>
    public static TensorMap Of(long address, int elements, int lines, int stride, int boxLines)
    {
        byte* room = stackalloc byte[TensorMap.Bytes + Alignment];
        var map = (ulong*)(((nint)room + Alignment - 1) & -Alignment);
        ulong* sizes = stackalloc ulong[2] { (ulong)elements, (ulong)lines };
        ulong* strides = stackalloc ulong[1] { (ulong)stride * 2 };
        uint* box = stackalloc uint[2] { WgmmaTile.Depth, (uint)boxLines };
        uint* steps = stackalloc uint[2] { 1, 1 };
        try
        {
            var status = CudaDriver.EncodeTensorMap(map, BFloat16Elements, 2, (nint)address, sizes, strides, box, steps, 0, Swizzle128Bytes, Promotion256Bytes, 0);
            if (status != CudaError.CUDA_SUCCESS) throw new DeviceException($"the CUDA driver did not describe a matrix of {lines} lines of {elements} elements at {address:x}: {CudaDriver.Describe(status)}");
        }
        catch (EntryPointNotFoundException error)
        {
            throw new DeviceException("the CUDA driver is older than CUDA 12 and has no tensor maps", error);
        }
        return new TensorMap(new ReadOnlySpan<ulong>(map, TensorMap.Bytes / sizeof(ulong)));
    }
}
