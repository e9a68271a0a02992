using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine.Cpu;

namespace PixelDiT.Kernels.Tensors;

/// <summary>
/// A few numbers on their way from the device to the host. On a card the copies are queued after the kernels that write the numbers and the host goes on; it waits
/// when it asks for them, and only for what was queued before. On a CPU they are there at once.
/// </summary>
public sealed class Readback : IDisposable
{
    private readonly float[] _values;
    private readonly CudaStreams? _streams;
    private readonly PinnedMemory? _pinned;
    private readonly CudaEvent? _done;

    /// <summary>Takes host memory.</summary>
    /// <param name="device">Where the numbers come from.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="DeviceException">The host is out of page-locked memory.</exception>
    public Readback(Device device, int count)
    {
        (_values, _streams) = (new float[count], device.Streams);
        if (_streams is null) return;
        _pinned = new PinnedMemory(_streams.Card, count * sizeof(float));
        _done = new CudaEvent(_streams.Card);
    }

    /// <summary>How many numbers there is room for.</summary>
    public int Count => _values.Length;

    /// <summary>Queues the copy of a number; the tensor may be released afterwards.</summary>
    /// <param name="index">Its place, from 0.</param>
    /// <param name="number">[1], float32.</param>
    /// <exception cref="ShapeException">The tensor holds something else.</exception>
    public void Copy(int index, Tensor number)
    {
        number.RequireCountOf("a number to read", 1);
        CopyAll(index, number);
    }

    /// <summary>Queues the copy of several numbers; the tensor may be released afterwards.</summary>
    /// <param name="first">The place of the first, from 0.</param>
    /// <param name="numbers">[n], float32.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no room for them.</exception>
    public void CopyAll(int first, Tensor numbers)
    {
        int count = checked((int)numbers.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, Count - count);
        // What computes nothing has nothing to read: a number stays 0.
        if (numbers.Device.IsDry) return;
        var memory = numbers.Memory<float>();
        if (_streams is null)
        {
            HostMemory.Copy(memory, _values.AsSpan(first, count));
            return;
        }
        _pinned!.CopyFrom((long)first * sizeof(float), numbers.Address, (long)count * sizeof(float), _streams.Compute);
        _done!.Record(_streams.Compute);
    }

    /// <summary>The numbers as they were last copied, waited for.</summary>
    public ReadOnlySpan<float> Read()
    {
        _done?.Wait();
        _pinned?.Span<float>().CopyTo(_values);
        return _values;
    }

    /// <summary>Frees the host memory.</summary>
    public void Dispose()
    {
        _done?.WaitToFree();
        _done?.Dispose();
        _pinned?.Dispose();
    }
}
