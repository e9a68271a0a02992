using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>A loaded kernel that is launched through the driver, with more shared memory than ILGPU asks for.</summary>
internal sealed unsafe class DynamicSharedKernel
{
    private readonly CudaKernel _kernel;
    private readonly string _name;
    private readonly int _sharedBytes;

    /// <param name="kernel">The kernel.</param>
    /// <param name="name">Its name.</param>
    /// <param name="sharedBytes">What it wants.</param>
    /// <exception cref="DeviceException">The card has not so much.</exception>
    public DynamicSharedKernel(CudaKernel kernel, string name, int sharedBytes)
    {
        (_kernel, _name, _sharedBytes) = (kernel, name, sharedBytes);
        Require(CudaDriver.SetAttribute(kernel.FunctionPtr, CudaDriver.LargestSharedBytes, sharedBytes), "give shared memory");
    }

    /// <summary>Queues the kernel.</summary>
    /// <param name="stream">The queue.</param>
    /// <param name="items">Groups.</param>
    /// <param name="group">Threads of a group.</param>
    /// <param name="kernel">The kernel's struct, its only parameter.</param>
    public void Launch(AcceleratorStream stream, int items, int group, void* kernel)
    {
        CudaDriver.Bind(_kernel.Accelerator);
        Require(CudaDriver.Launch(_kernel.FunctionPtr, (uint)items, 1, 1, (uint)group, 1, 1, (uint)_sharedBytes, ((CudaStream)stream).StreamPtr, &kernel, null), "launch it");
    }

    private void Require(CudaError status, string request)
    {
        if (status != CudaError.CUDA_SUCCESS) throw new DeviceException($"{_name}: the CUDA driver did not {request}, with {_sharedBytes >> 10} KiB of shared memory: {CudaDriver.Describe(status)}");
    }
}
