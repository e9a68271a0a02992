using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>A place in the queue of a card's stream, for the host or another stream to wait for. Before it is recorded there is nothing to wait for.</summary>
internal sealed class CudaEvent : IDisposable
{
    private readonly CudaAccelerator _card;
    private readonly nint _event;

    /// <param name="card">Whose streams they are.</param>
    /// <param name="isTimed">Whether the card is to keep when the place was reached.</param>
    /// <exception cref="DeviceException">The driver makes none.</exception>
    public CudaEvent(CudaAccelerator card, bool isTimed = false)
    {
        _card = card;
        CudaDriver.Bind(card);
        CudaDriver.Require(CudaAPI.CurrentAPI.CreateEvent(out _event, isTimed ? CudaEventFlags.CU_EVENT_DEFAULT : CudaEventFlags.CU_EVENT_DISABLE_TIMING), "make an event");
    }

    /// <summary>Moves the place to the present end of a stream's queue.</summary>
    public void Record(CudaStream stream)
    {
        CudaDriver.Bind(_card);
        CudaDriver.Require(CudaAPI.CurrentAPI.RecordEvent(_event, stream.StreamPtr), "record an event");
    }

    /// <summary>Lets what is queued on a stream from now on wait for the place; the host does not wait.</summary>
    public void HoldBack(CudaStream stream)
    {
        CudaDriver.Bind(_card);
        CudaDriver.Require(CudaDriver.WaitForEvent(stream.StreamPtr, _event, 0), "let a stream wait for an event");
    }

    /// <summary>Lets the host wait until all that was queued before the place is done; what was queued after it goes on.</summary>
    public void Wait()
    {
        CudaDriver.Bind(_card);
        CudaDriver.Require(CudaAPI.CurrentAPI.SynchronizeEvent(_event), "do the work before an event");
    }

    /// <summary>The same before memory is freed that the work uses; what the driver refuses then is not told.</summary>
    public void WaitToFree() => CudaDriver.Release(() =>
    {
        _card.Bind();
        CudaAPI.CurrentAPI.SynchronizeEvent(_event);
    });

    /// <summary>Milliseconds of the card from another place to this one; both are timed and have been reached.</summary>
    public float MillisecondsSince(CudaEvent start)
    {
        CudaDriver.Bind(_card);
        CudaDriver.Require(CudaAPI.CurrentAPI.ElapsedTime(out float milliseconds, start._event, _event), "tell the time between two events");
        return milliseconds;
    }

    /// <summary>Hands the event back to the driver.</summary>
    public void Dispose() => CudaDriver.Release(() =>
    {
        _card.Bind();
        CudaAPI.CurrentAPI.DestroyEvent(_event);
    });
}
