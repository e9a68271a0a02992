using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>
/// Lets ILGPU, which asks for a library named "cuda", find the driver where only libcuda.so.1 exists, as on machines without a toolkit; and calls the driver where
/// ILGPU has no method.
/// </summary>
internal static unsafe partial class CudaDriver
{
    /// <summary>CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.</summary>
    public const int LargestSharedBytes = 8;

    private static bool s_resolved;

    /// <summary>Installs the search once.</summary>
    public static void Resolve()
    {
        if (s_resolved) return;
        s_resolved = true;
        NativeLibrary.SetDllImportResolver(typeof(CudaDevice).Assembly, Find);
        NativeLibrary.SetDllImportResolver(typeof(CudaDriver).Assembly, Find);
    }

    /// <summary>Lets what is queued on a stream from now on wait for an event.</summary>
    [LibraryImport("cuda", EntryPoint = "cuStreamWaitEvent")]
    public static partial CudaError WaitForEvent(nint stream, nint place, uint flags);

    private static nint Find(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != "cuda") return 0;
        foreach (string file in (string[])["cuda", "libcuda.so.1", "nvcuda"])
        {
            if (NativeLibrary.TryLoad(file, assembly, path, out nint library)) return library;
        }
        return 0;
    }

    /// <summary>Sets an attribute of a kernel.</summary>
    [LibraryImport("cuda", EntryPoint = "cuFuncSetAttribute")]
    public static partial CudaError SetAttribute(nint function, int attribute, int value);

    /// <summary>Queues a kernel.</summary>
    [LibraryImport("cuda", EntryPoint = "cuLaunchKernel")]
    public static partial CudaError Launch(nint function, uint gridX, uint gridY, uint gridZ, uint groupX, uint groupY, uint groupZ, uint sharedBytes, nint stream, void** arguments, void** extra);
}
