using System.Runtime.CompilerServices;
using ILGPU;

namespace PixelDiT.Kernels.Machine;

/// <summary>How the elements of a tensor are stored. Arithmetic is float32 whatever the storage.</summary>
public enum ElementType
{
    /// <summary>IEEE float32.</summary>
    Single,

    /// <summary>The upper 16 bits of a float32, rounded to nearest even.</summary>
    BFloat16,

    /// <summary>Signed 32-bit integers: class labels.</summary>
    Int32
}

/// <summary>A storage type of tensors that kernels compute on: a struct of one field, with conversions that compile for every device.</summary>
/// <typeparam name="T">The implementing type.</typeparam>
public interface IStorage<T> where T : unmanaged, IStorage<T>
{
    /// <summary>The element type that a tensor of this storage declares.</summary>
    static abstract ElementType ElementType { get; }

    /// <summary>The stored value, exactly.</summary>
    static abstract float ToSingle(T stored);

    /// <summary>The nearest storable value, ties to even. NaN stays NaN.</summary>
    static abstract T FromSingle(float value);
}

/// <summary>Float32 as a storage type.</summary>
public struct Single32 : IStorage<Single32>
{
    /// <summary>The value.</summary>
    public float Value;

    /// <inheritdoc/>
    public static ElementType ElementType => ElementType.Single;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(Single32 stored) => stored.Value;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single32 FromSingle(float value) => new() { Value = value };
}

/// <summary>bfloat16: eight bits of significand, the exponent range of float32. ILGPU has no such type, so the bits are carried.</summary>
public struct BFloat16 : IStorage<BFloat16>
{
    /// <summary>The upper half of the float32's bits.</summary>
    public ushort Bits;

    /// <inheritdoc/>
    public static ElementType ElementType => ElementType.BFloat16;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(BFloat16 stored) => Interop.IntAsFloat((uint)stored.Bits << 16);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BFloat16 FromSingle(float value)
    {
        uint bits = Interop.FloatAsInt(value);
        uint rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
        // Rounding would carry a NaN's small payload into infinity, so a NaN keeps its upper bits and gets the quiet bit.
        uint kept = (bits & 0x7FFFFFFF) > 0x7F800000 ? (bits >> 16) | 0x40 : rounded;
        return new() { Bits = (ushort)kept };
    }
}
