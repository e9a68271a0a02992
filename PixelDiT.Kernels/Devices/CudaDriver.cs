using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU.Runtime;
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

    /// <summary>Starts the driver.</summary>
    [LibraryImport("cuda", EntryPoint = "cuInit")]
    private static partial CudaError Initialize(uint flags);

    [LibraryImport("cuda", EntryPoint = "cuDeviceGetCount")]
    private static partial CudaError CountDevices(int* count);

    /// <summary>Why there is no card: ILGPU, asked for cards, keeps the reason to itself.</summary>
    public static string ReasonForNoCard()
    {
        try
        {
            int count = 0;
            var status = Initialize(0);
            if (status == CudaError.CUDA_SUCCESS) status = CountDevices(&count);
            return status != CudaError.CUDA_SUCCESS ? $"the driver says: {Describe(status)}" : count == 0 ? "the driver knows of no card" : "the driver knows of a card, and does not tell its properties";
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return "no driver was found (libcuda.so.1)";
        }
    }

    /// <summary>A status in the driver's words; of an error of a kernel, which comes late, also how to find which.</summary>
    public static string Describe(CudaError status)
        => $"{CudaAPI.CurrentAPI.GetErrorString(status)} ({status}){((int)status is >= 700 and < 720 ? "; a kernel failed, this or one before it: with CUDA_LAUNCH_BLOCKING=1 in the environment the one that is named did" : "")}";

    /// <summary>The same of an error that ILGPU made of a status.</summary>
    public static string Describe(AcceleratorException error) => error is CudaException cuda && Enum.TryParse(cuda.Error, out CudaError status) ? Describe(status) : error.Message;

    /// <summary>Makes an error of what the driver refuses.</summary>
    /// <param name="status">What it answered.</param>
    /// <param name="request">What was asked, such as "record an event".</param>
    /// <exception cref="DeviceException">It refused.</exception>
    public static void Require(CudaError status, string request)
    {
        if (status != CudaError.CUDA_SUCCESS) throw new DeviceException($"the CUDA driver did not {request}: {Describe(status)}");
    }

    /// <summary>Makes a card's context that of this thread.</summary>
    /// <exception cref="DeviceException">The driver refuses.</exception>
    public static void Bind(Accelerator card)
    {
        try
        {
            card.Bind();
        }
        catch (AcceleratorException error)
        {
            throw new DeviceException($"the CUDA driver did not take the card's context: {Describe(error)}", error);
        }
    }

    /// <summary>
    /// Frees something of a card. What the driver answers is not asked: after an error it refuses everything, and the first error is the one to be told.
    /// </summary>
    public static void Release(Action free)
    {
        try
        {
            free();
        }
        catch (AcceleratorException)
        {
            // Said by whoever asked first.
        }
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

    /// <summary>Describes a tensor in global memory to the engine that copies tiles of it (driver of CUDA 12.0 and later).</summary>
    [LibraryImport("cuda", EntryPoint = "cuTensorMapEncodeTiled")]
    public static partial CudaError EncodeTensorMap(
        void* map, int type, uint rank, nint address, ulong* sizes, ulong* strides, uint* box, uint* steps, int interleave, int swizzle, int promotion, int fill);
}
