using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;

namespace PixelDiT.Kernels.Tensors;

/// <summary>
/// A block of device memory with a shape and an element type. Contents are undefined until written. Disposing hands the memory back
/// to the device's arena; a slice or a reshaped view of another tensor owns nothing.
/// </summary>
public sealed class Tensor : IDisposable
{
    private readonly ArrayView<byte> _bytes;
    private readonly ArenaBlock? _owned;
    private bool _disposed;

    internal Tensor(Device device, Shape shape, ElementType type, ArenaBlock block) : this(device, shape, type, block.View) => _owned = block;

    private Tensor(Device device, Shape shape, ElementType type, ArrayView<byte> bytes)
    {
        (Device, Shape, Type, _bytes) = (device, shape, type, bytes);
    }

    /// <summary>The device whose memory this is.</summary>
    public Device Device { get; }

    /// <summary>The dimensions, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>How elements are stored.</summary>
    public ElementType Type { get; }

    /// <summary>The number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>The size of an element in bytes.</summary>
    public static int SizeOf(ElementType type) => type == ElementType.BFloat16 ? 2 : 4;

    /// <summary>The memory as kernels take it.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="Single32"/>, <see cref="BFloat16"/>, or <see cref="int"/>, as <see cref="Type"/> says.</typeparam>
    /// <exception cref="ShapeException">The element type is another one, or the tensor was disposed.</exception>
    public DeviceView<T> View<T>() where T : unmanaged => new(Memory<T>());

    /// <summary>The address of the first element on the device.</summary>
    public long Address => new DeviceView<byte>(_bytes).Start;

    /// <summary>The memory as ILGPU takes it, for copies.</summary>
    /// <inheritdoc cref="View{T}"/>
    internal ArrayView<T> Memory<T>() where T : unmanaged
    {
        if (_disposed) throw new ShapeException($"a tensor {Shape} was used after it was released");
        var asked = typeof(T) == typeof(int) ? ElementType.Int32 : typeof(T) == typeof(BFloat16) ? ElementType.BFloat16 : ElementType.Single;
        if (asked != Type) throw new ShapeException($"a tensor {Shape} of {Type} was read as {asked}");
        return _bytes.Cast<T>();
    }

    /// <summary>The same memory under another shape of equal count.</summary>
    /// <exception cref="ShapeException">The counts differ.</exception>
    public Tensor Reshape(Shape shape) => shape.Count == Count
        ? new(Device, shape, Type, _bytes)
        : throw new ShapeException($"a tensor {Shape} cannot be seen as {shape}");

    /// <summary>A contiguous part, counted in elements from the start.</summary>
    /// <exception cref="ShapeException">The part reaches beyond the end.</exception>
    public Tensor Slice(long first, Shape shape) => first >= 0 && first + shape.Count <= Count
        ? new(Device, shape, Type, _bytes.SubView(first * SizeOf(Type), shape.Count * SizeOf(Type)))
        : throw new ShapeException($"elements {first} to {first + shape.Count} lie beyond a tensor {Shape}");

    /// <summary>Copies from host memory; float32 values are rounded to the storage.</summary>
    /// <exception cref="ShapeException">The count differs from the tensor's.</exception>
    public void Upload(ReadOnlySpan<float> values)
    {
        RequireCount(values.Length);
        if (Type == ElementType.BFloat16)
        {
            var bits = new BFloat16[values.Length];
            for (int i = 0; i < bits.Length; i++) bits[i] = BFloat16.FromSingle(values[i]);
            Device.CopyToDevice<BFloat16>(bits, Memory<BFloat16>());
            return;
        }
        Device.CopyToDevice(values, Memory<float>());
    }

    /// <summary>Copies labels from host memory.</summary>
    /// <exception cref="ShapeException">The count or the element type differs.</exception>
    public void Upload(ReadOnlySpan<int> values)
    {
        RequireCount(values.Length);
        Device.CopyToDevice(values, Memory<int>());
    }

    /// <summary>Copies to host memory as float32, waiting for all work on the device.</summary>
    /// <exception cref="ShapeException">The count differs from the tensor's.</exception>
    public void Download(Span<float> values)
    {
        RequireCount(values.Length);
        if (Type == ElementType.BFloat16)
        {
            var bits = new BFloat16[values.Length];
            Device.CopyToHost(Memory<BFloat16>(), bits.AsSpan());
            for (int i = 0; i < bits.Length; i++) values[i] = BFloat16.ToSingle(bits[i]);
            return;
        }
        Device.CopyToHost(Memory<float>(), values);
    }

    /// <summary>The contents as a new array.</summary>
    public float[] ToArray()
    {
        var values = new float[Count];
        Download(values);
        return values;
    }

    /// <summary>Sets every byte to zero.</summary>
    public void Clear() => Device.Clear(_bytes);

    /// <summary>Hands the memory back. Disposing twice is harmless.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        if (_owned is { } block) Device.Arena.Release(block);
    }

    /// <summary>Checks that tensors which an operation reads or writes element beside element have this tensor's count; a null is skipped.</summary>
    /// <exception cref="ShapeException">One has another count.</exception>
    internal void RequireSameCount(params ReadOnlySpan<Tensor?> others)
    {
        foreach (var other in others)
        {
            if (other is not null && other.Count != Count) throw new ShapeException($"tensors {Shape} and {other.Shape} meet element by element and differ in count");
        }
    }

    /// <summary>Checks that the tensor holds what an operation will read or write of it.</summary>
    /// <exception cref="ShapeException">It has another count.</exception>
    internal void RequireCountOf(string name, long count)
    {
        if (Count != count) throw new ShapeException($"{name} {Shape} has {Count} elements; {count} were expected");
    }

    private void RequireCount(long count)
    {
        if (count != Count) throw new ShapeException($"{count} values were given for a tensor {Shape} of {Count}");
    }
}
