using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>
/// The two queues of a card: one for kernels and what must keep their order, one for what the host sends ahead while they run. Neither is the driver's default
/// stream, which would make each wait for the other.
/// </summary>
internal sealed class CudaStreams(CudaAccelerator card) : IDisposable
{
    /// <summary>The card.</summary>
    public CudaAccelerator Card { get; } = card;

    /// <summary>Kernels, and copies in their order.</summary>
    public CudaStream Compute { get; } = card.CreateStream(StreamFlags.CU_STREAM_NON_BLOCKING);

    /// <summary>Uploads that overlap kernels.</summary>
    public CudaStream Upload { get; } = card.CreateStream(StreamFlags.CU_STREAM_NON_BLOCKING);

    /// <summary>Ends both.</summary>
    public void Dispose()
    {
        CudaDriver.Release(Compute.Dispose);
        CudaDriver.Release(Upload.Dispose);
    }
}
