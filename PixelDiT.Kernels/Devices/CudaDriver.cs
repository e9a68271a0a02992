using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>Lets ILGPU, which asks for a library named "cuda", find the driver where only libcuda.so.1 exists, as on machines without a toolkit; and calls the driver where ILGPU has no method.</summary>
internal static partial class CudaDriver
{
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
        if (NativeLibrary.TryLoad(name, assembly, path, out nint library)) return library;
        return NativeLibrary.TryLoad("libcuda.so.1", out library) ? library : 0;
    }
}
