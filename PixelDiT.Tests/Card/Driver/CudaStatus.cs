namespace PixelDiT.Tests.Card.Driver;

/// <summary>What a driver answers (CUresult).</summary>
internal static class CudaStatus
{
    public const int Success = 0, InvalidValue = 1, OutOfMemory = 2, NotInitialized = 3, NoDevice = 100, InvalidContext = 201, InvalidPtx = 218, InvalidHandle = 400, NotReady = 600, IllegalAddress = 700, LaunchFailed = 719, NotSupported = 801, Unknown = 999;

    /// <summary>A status in words, as the driver has them.</summary>
    public static string Describe(int status) => status switch
    {
        Success => "no error",
        InvalidValue => "invalid argument",
        OutOfMemory => "out of memory",
        NotInitialized => "initialization error",
        NoDevice => "no CUDA-capable device is detected",
        InvalidContext => "invalid device context",
        InvalidPtx => "a PTX JIT compilation failed",
        InvalidHandle => "invalid resource handle",
        NotReady => "device not ready",
        IllegalAddress => "an illegal memory access was encountered",
        LaunchFailed => "unspecified launch failure",
        NotSupported => "operation not supported",
        _ => "unknown error"
    };
}
