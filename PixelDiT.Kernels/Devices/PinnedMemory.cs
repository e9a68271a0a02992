using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>Host memory that the system may not move, from and to which a card copies by itself while the host goes on. Contents are undefined.</summary>
internal sealed unsafe class PinnedMemory : IDisposable
{
    private readonly CudaAccelerator _card;
    private readonly nint _address;
    private readonly long _bytes;

    /// <exception cref="DeviceMemoryException">The system has no more such memory.</exception>
    public PinnedMemory(CudaAccelerator card, long bytes)
    {
        (_card, _bytes) = (card, bytes);
        CudaDriver.Bind(card);
        var error = CudaAPI.CurrentAPI.AllocateHostMemory(out _address, (nint)bytes);
        if (error != CudaError.CUDA_SUCCESS) throw new DeviceMemoryException($"out of page-locked host memory: {bytes} bytes more were asked for, and refused as {error}");
    }

    /// <summary>The memory as elements.</summary>
    public Span<T> Span<T>() where T : unmanaged => new((void*)_address, checked((int)(_bytes / sizeof(T))));

    /// <summary>Queues a copy of all of it to the device.</summary>
    /// <param name="target">An address on the device.</param>
    /// <param name="stream">Where it is queued.</param>
    public void CopyTo(long target, CudaStream stream) => Copy((nint)target, _address, _bytes, stream);

    /// <summary>Queues a copy from the device into a part of it.</summary>
    /// <param name="first">Where the part begins, in bytes.</param>
    /// <param name="source">An address on the device.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="stream">Where it is queued.</param>
    public void CopyFrom(long first, long source, long bytes, CudaStream stream) => Copy(_address + (nint)first, (nint)source, bytes, stream);

    private void Copy(nint target, nint source, long bytes, CudaStream stream)
    {
        CudaDriver.Bind(_card);
        CudaDriver.Require(CudaAPI.CurrentAPI.MemcpyAsync(target, source, (nint)bytes, stream), $"copy {bytes} bytes");
    }

    /// <summary>Frees the memory; no copy may be under way.</summary>
    public void Dispose() => CudaDriver.Release(() =>
    {
        _card.Bind();
        CudaAPI.CurrentAPI.FreeHostMemory(_address);
    });
}
