using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>A <see cref="HeadView"/> as kernels take it.</summary>
internal readonly struct HeadMemory<T>(HeadView view) where T : unmanaged, IStorage<T>
{
    public readonly DeviceView<T> Values = view.Values.View<T>();
    private readonly long _offset = view.Offset, _batchStride = view.BatchStride;
    private readonly int _headStride = view.HeadStride;

    /// <summary>From a token to the next.</summary>
    public readonly int TokenStride = view.TokenStride;

    /// <summary>Not 0 where every token of every head begins at a multiple of 16 bytes.</summary>
    public readonly int Aligned = view.IsAligned(16 / Tensor.SizeOf(view.Values.Type)) ? 1 : 0;

    /// <summary>The first element of an image's head.</summary>
    public long First(int image, int head) => _offset + (image * _batchStride) + ((long)head * _headStride);

    /// <summary>A stored value as float32.</summary>
    public float Read(long index) => T.ToSingle(Values[index]);
}
