using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PixelDiT.Kernels.Tensors;
using Values = System.Runtime.Intrinsics.Vector128<float>;

namespace PixelDiT.Kernels.Machine;

/// <summary>4 float32 values in a 128-bit vector.</summary>
public readonly unsafe struct Lanes4 : IHostLanes<Values>
{
    /// <inheritdoc/>
    public static int Count => 4;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Set(float value) => Vector128.Create(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Load(DeviceView<float> view, long index) => Vector128.Load(Host.Pointer(view) + index);

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
    public static Values Load(float* source) => Vector128.Load(source);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Values value) => value.Store(target);

    /// <summary>Reads elements from host memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Values LoadFrom<T>(T* source) where T : unmanaged, IStorage<T>
    {
        if (typeof(T) == typeof(Single32)) return Vector128.Load((float*)source);
        return Vector128.Create(T.ToSingle(source[0]), T.ToSingle(source[1]), T.ToSingle(source[2]), T.ToSingle(source[3]));
    }

    /// <summary>Writes elements to host memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void StoreTo<T>(T* target, Values value) where T : unmanaged, IStorage<T>
    {
        if (typeof(T) == typeof(Single32)) value.Store((float*)target);
        else
        {
            for (int i = 0; i < 4; i++) target[i] = T.FromSingle(value.GetElement(i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Values Swap(Values a) => Vector128.Shuffle(a, Vector128.Create(1, 0, 3, 2));

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
    public static Values MultiplyAdd(Values a, Values b, Values c) => Vector128.MultiplyAddEstimate(a, b, c);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Divide(Values a, Values b) => a / b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Sqrt(Values a) => Vector128.Sqrt(a);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Abs(Values a) => Vector128.Abs(a);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Max(Values a, Values b) => Vector128.ConditionalSelect(Vector128.GreaterThan(b, a), b, a);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values Min(Values a, Values b) => Vector128.ConditionalSelect(Vector128.LessThan(b, a), b, a);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values SelectLess(Values a, Values b, Values yes, Values no) => Vector128.ConditionalSelect(Vector128.LessThan(a, b), yes, no);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Values PowerOfTwo(Values n) => ((Vector128.ConvertToInt32(n) + Vector128.Create(127)) << 23).AsSingle();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Values a) => (a[0] + a[2]) + (a[1] + a[3]);
}
