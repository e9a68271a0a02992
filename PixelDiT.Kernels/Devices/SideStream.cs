using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>A queue beside that of a card's kernels, for work that may run at the same time: what is put there waits for the kernels queued before, and kernels wait for it when they must.</summary>
public interface ISideStream : IDisposable
{
    /// <summary>The queue, as the driver knows it.</summary>
    nint Handle { get; }

    /// <summary>What is queued here from now on begins when the kernels that are queued now are done.</summary>
    void Fork();

    /// <summary>Kernels that are queued from now on begin when what is queued here now is done.</summary>
    void Join();
}

/// <summary>The side stream of a card.</summary>
internal sealed class SideStream(CudaStreams streams) : ISideStream
{
    private readonly CudaStream _stream = streams.Card.CreateStream(StreamFlags.CU_STREAM_NON_BLOCKING);
    private readonly CudaEvent _before = new(streams.Card), _done = new(streams.Card);

    /// <inheritdoc/>
    public nint Handle => _stream.StreamPtr;

    /// <inheritdoc/>
    public void Fork()
    {
        _before.Record(streams.Compute);
        _before.HoldBack(_stream);
    }

    /// <inheritdoc/>
    public void Join()
    {
        _done.Record(_stream);
        _done.HoldBack(streams.Compute);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _done.WaitToFree();
        _before.Dispose();
        _done.Dispose();
        CudaDriver.Release(_stream.Dispose);
    }
}
