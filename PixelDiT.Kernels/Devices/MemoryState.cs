using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>How full a device's memory is.</summary>
/// <param name="Free">Bytes that nobody has taken, this program or another.</param>
/// <param name="Total">All bytes; on a CPU, those that this process may use.</param>
internal readonly record struct MemoryState(long Free, long Total)
{
    /// <summary>Asks the driver, or, for a CPU, .NET, which knows the limits of a container too.</summary>
    public static MemoryState Of(Accelerator accelerator)
    {
        if (accelerator is CudaAccelerator card)
        {
            CudaDriver.Bind(card);
            CudaDriver.Require(CudaAPI.CurrentAPI.GetMemoryInfo(out long free, out long total), "say how much memory is free");
            return new MemoryState(free, total);
        }
        // .NET looks at the machine's memory when it collects.
        GC.Collect();
        var info = GC.GetGCMemoryInfo();
        return new MemoryState(Math.Max(0, info.TotalAvailableMemoryBytes - info.MemoryLoadBytes), info.TotalAvailableMemoryBytes);
    }
}
