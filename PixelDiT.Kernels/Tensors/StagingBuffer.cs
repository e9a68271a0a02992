using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;

namespace PixelDiT.Kernels.Tensors;

/// <summary>
/// An input that the host sends anew for every step. On a card there are two tensors in turn, and page-locked host memory for each: the next step's values travel
/// while the kernels of the step in hand run, and nothing is written that one of them still reads. A CPU has one tensor, and copies.
/// </summary>
public sealed class StagingBuffer : IDisposable
{
    /// <param name="Tensor">Where the values go.</param>
    /// <param name="Pinned">Where they wait for the copy; null on a CPU.</param>
    /// <param name="Copied">The end of the copy.</param>
    /// <param name="Sent">The end of the kernels that were queued before these values were sent.</param>
    private sealed record Slot(Tensor Tensor, PinnedMemory? Pinned = null, CudaEvent? Copied = null, CudaEvent? Sent = null);

    private readonly Device _device;
    private readonly Slot[] _slots;
    private int _next;

    /// <summary>Takes the memory.</summary>
    /// <param name="device">Where the values go.</param>
    /// <param name="shape">The shape of a step's input.</param>
    /// <param name="type">Float32 or labels.</param>
    /// <exception cref="DeviceException">The device or the host is out of memory.</exception>
    public StagingBuffer(Device device, Shape shape, ElementType type = ElementType.Single) : this(device, shape, type, device.Streams is null ? 1 : 2)
    {
    }

    internal StagingBuffer(Device device, Shape shape, ElementType type, int slots)
    {
        _device = device;
        _slots = new Slot[slots];
        try
        {
            for (int i = 0; i < slots; i++) _slots[i] = Take(device, shape, type);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Sends a step's values.</summary>
    /// <param name="values">As many as the shape says; free again on return.</param>
    /// <returns>The tensor that holds them for kernels launched until the values after the next are sent.</returns>
    /// <exception cref="ShapeException">The count or the element type differs.</exception>
    public Tensor Send<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        var slot = _slots[_next];
        slot.Tensor.RequireCountOf("an input", values.Length);
        _next = (_next + 1) % _slots.Length;
        if (_device.Streams is not { } streams)
        {
            HostMemory.Copy(values, slot.Tensor.Memory<T>());
            return slot.Tensor;
        }
        // The copy of two steps ago is long done; the page-locked memory is free.
        slot.Copied!.Wait();
        values.CopyTo(slot.Pinned!.Span<T>());
        // What read this tensor was queued before the other slot was sent.
        _slots[_next].Sent!.HoldBack(streams.Upload);
        slot.Sent!.Record(streams.Compute);
        slot.Pinned.CopyTo(slot.Tensor.Address, streams.Upload);
        slot.Copied.Record(streams.Upload);
        slot.Copied.HoldBack(streams.Compute);
        return slot.Tensor;
    }

    private static Slot Take(Device device, Shape shape, ElementType type)
    {
        var tensor = device.Allocate(shape, type);
        if (device.Streams is not { } streams) return new Slot(tensor);
        var slot = new Slot(tensor, new PinnedMemory(streams.Card, shape.Count * Tensor.SizeOf(type)), new CudaEvent(streams.Card), new CudaEvent(streams.Card));
        // The arena may have taken the memory from a tensor that queued kernels still use.
        slot.Sent!.Record(streams.Compute);
        return slot;
    }

    /// <summary>Hands the memory back.</summary>
    public void Dispose()
    {
        foreach (var slot in _slots)
        {
            slot?.Copied?.WaitToFree();
            slot?.Tensor.Dispose();
            slot?.Pinned?.Dispose();
            slot?.Copied?.Dispose();
            slot?.Sent?.Dispose();
        }
    }
}
