using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>A <see cref="HeadView"/> as kernels take it: one address, and where the second part of a joint sequence lies from there.</summary>
internal readonly struct HeadMemory<T>(HeadView view) where T : unmanaged, IStorage<T>
{
    public readonly DeviceView<T> Values = view.Values.View<T>();
    private readonly long _offset = view.Offset, _batchStride = view.BatchStride;
    private readonly int _headStride = view.HeadStride;

    /// <summary>From a token to the next.</summary>
    public readonly int TokenStride = view.TokenStride;

    /// <summary>The token with which the second part begins.</summary>
    public readonly int Split = view.Split;

    // From where a token of the second part would lie in the first to where it does, for image 0; and how that changes from an image to the next.
    private readonly long _jump = view.Second is not { } second ? 0
        : ((second.Values.Address - view.Values.Address) / Tensor.SizeOf(view.Values.Type)) + second.Offset - view.Offset - ((long)view.Split * view.TokenStride);
    private readonly long _jumpStride = view.Second is not { } next ? 0 : next.BatchStride - view.BatchStride;

    /// <summary>Not 0 where every token of every head begins at a multiple of 16 bytes.</summary>
    public readonly int Aligned = view.IsAligned(16 / Tensor.SizeOf(view.Values.Type)) ? 1 : 0;

    /// <summary>The first element of an image's head.</summary>
    public long First(int image, int head) => _offset + (image * _batchStride) + ((long)head * _headStride);

    /// <summary>What is added to the place of a token of the second part.</summary>
    public long Jump(int image) => _jump + (image * _jumpStride);

    /// <summary>The first element of a token of an image's head.</summary>
    public long Row(int image, int head, int token) => First(image, head) + ((long)token * TokenStride) + (token < Split ? 0 : Jump(image));

    /// <summary>A stored value as float32.</summary>
    public float Read(long index) => T.ToSingle(Values[index]);
}
