using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PixelDiT.Kernels.Tensors;
using Values = System.Runtime.Intrinsics.Vector256<float>;

namespace PixelDiT.Kernels.Machine;

/// <summary>8 float32 values in a 256-bit vector.</summary>
public readonly unsafe struct Lanes8 : IHostLanes<Values>
{
    /// <inheritdoc/>
    public static int Count => 8;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Set(float value) => Vector256.Create(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Load(DeviceView<float> view, long index) => Vector256.Load(Host.Pointer(view) + index);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Load<T>(DeviceView<T> view, long index) where T : unmanaged, IStorage<T> => LoadFrom(Host.Pointer(view) + index);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values LoadSwapped(DeviceView<float> view, long index) => Swap(Load(view, index));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values LoadSwapped<T>(DeviceView<T> view, long index) where T : unmanaged, IStorage<T> => Swap(Load(view, index));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(DeviceView<float> view, long index, Values value) => value.Store(Host.Pointer(view) + index);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(DeviceView<T> view, long index, Values value) where T : unmanaged, IStorage<T> => StoreTo(Host.Pointer(view) + index, value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Load(float* source) => Vector256.Load(source);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Values value) => value.Store(target);

    /// <summary>Reads elements from host memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Values LoadFrom<T>(T* source) where T : unmanaged, IStorage<T>
    {
        if (typeof(T) == typeof(Single32)) return Vector256.Load((float*)source);
        var (low, high) = Vector128.Widen(Vector128.Load((ushort*)source));
        return (Vector256.Create(low, high) << 16).AsSingle();
    }

    /// <summary>Writes elements to host memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void StoreTo<T>(T* target, Values value) where T : unmanaged, IStorage<T>
    {
        if (typeof(T) == typeof(Single32)) value.Store((float*)target);
        else
        {
            for (int i = 0; i < 8; i++) target[i] = T.FromSingle(value.GetElement(i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Values Swap(Values a) => Vector256.Shuffle(a, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Add(Values a, Values b) => a + b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Subtract(Values a, Values b) => a - b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Multiply(Values a, Values b) => a * b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values MultiplyAdd(Values a, Values b, Values c) => Vector256.MultiplyAddEstimate(a, b, c);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Divide(Values a, Values b) => a / b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Sqrt(Values a) => Vector256.Sqrt(a);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Abs(Values a) => Vector256.Abs(a);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Max(Values a, Values b) => Vector256.ConditionalSelect(Vector256.GreaterThan(b, a), b, a);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Min(Values a, Values b) => Vector256.ConditionalSelect(Vector256.LessThan(b, a), b, a);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values SelectLess(Values a, Values b, Values yes, Values no) => Vector256.ConditionalSelect(Vector256.LessThan(a, b), yes, no);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values PowerOfTwo(Values n) => ((Vector256.ConvertToInt32(n) + Vector256.Create(127)) << 23).AsSingle();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Values a) => Lanes4.Sum(a.GetLower() + a.GetUpper());
}
