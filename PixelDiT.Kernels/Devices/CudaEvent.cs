using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>A place in the queue of a card's stream, for the host or another stream to wait for. Before it is recorded there is nothing to wait for.</summary>
internal sealed class CudaEvent : IDisposable
{
    private readonly CudaAccelerator _card;
    private readonly nint _event;

    public CudaEvent(CudaAccelerator card)
    {
        _card = card;
        card.Bind();
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.CreateEvent(out _event, CudaEventFlags.CU_EVENT_DISABLE_TIMING));
    }

    /// <summary>Moves the place to the present end of a stream's queue.</summary>
    public void Record(CudaStream stream)
    {
        _card.Bind();
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.RecordEvent(_event, stream.StreamPtr));
    }

    /// <summary>Lets what is queued on a stream from now on wait for the place; the host does not wait.</summary>
    public void HoldBack(CudaStream stream)
    {
        _card.Bind();
        CudaException.ThrowIfFailed(CudaDriver.WaitForEvent(stream.StreamPtr, _event, 0));
    }

    /// <summary>Lets the host wait until all that was queued before the place is done; what was queued after it goes on.</summary>
    public void Wait()
    {
        _card.Bind();
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.SynchronizeEvent(_event));
    }

    /// <summary>Hands the event back to the driver.</summary>
    public void Dispose()
    {
        _card.Bind();
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.DestroyEvent(_event));
    }
}
