namespace PixelDiT.Kernels.Machine.Lanes;

/// <summary>
/// A width policy: what an element formula needs of a group of neighbouring float32 values. A formula is written once,
/// <c>S Apply&lt;L, S&gt;(S x)</c>, and runs 16, 8 or 4 values wide on a CPU and eight wide on a GPU thread, with one value at a time for what is left.
/// Every width gives an element the same bits.
/// </summary>
/// <typeparam name="S">The values of one step: a vector, or a float.</typeparam>
public interface ILanes<S> where S : unmanaged
{
    /// <summary>Elements in a step.</summary>
    static abstract int Count { get; }

    /// <summary>All elements equal.</summary>
    static abstract S Set(float value);

    /// <summary>Elements <paramref name="index"/> onward.</summary>
    static abstract S Load(DeviceView<float> view, long index);

    /// <summary>Elements <paramref name="index"/> onward, as float32.</summary>
    static abstract S Load<T>(DeviceView<T> view, long index) where T : unmanaged, IStorage<T>;

    /// <summary>Elements <paramref name="index"/> onward with each even one changed for its odd neighbour; the index is even, or one element wide.</summary>
    static abstract S LoadSwapped(DeviceView<float> view, long index);

    /// <inheritdoc cref="LoadSwapped(DeviceView{float}, long)"/>
    static abstract S LoadSwapped<T>(DeviceView<T> view, long index) where T : unmanaged, IStorage<T>;

    /// <summary>Writes elements <paramref name="index"/> onward.</summary>
    static abstract void Store(DeviceView<float> view, long index, S value);

    /// <summary>Writes elements <paramref name="index"/> onward, rounded to the storage.</summary>
    static abstract void Store<T>(DeviceView<T> view, long index, S value) where T : unmanaged, IStorage<T>;

    /// <summary>a + b.</summary>
    static abstract S Add(S a, S b);

    /// <summary>a − b.</summary>
    static abstract S Subtract(S a, S b);

    /// <summary>a · b.</summary>
    static abstract S Multiply(S a, S b);

    /// <summary>a · b + c, rounded once where the machine can.</summary>
    static abstract S MultiplyAdd(S a, S b, S c);

    /// <summary>a / b.</summary>
    static abstract S Divide(S a, S b);

    /// <summary>√a.</summary>
    static abstract S Sqrt(S a);

    /// <summary>|a|.</summary>
    static abstract S Abs(S a);

    /// <summary>The larger of each pair; <paramref name="a"/> where it is no number.</summary>
    static abstract S Max(S a, S b);

    /// <summary>The smaller of each pair; <paramref name="a"/> where it is no number.</summary>
    static abstract S Min(S a, S b);

    /// <summary>a &lt; b ? yes : no, element by element.</summary>
    static abstract S SelectLess(S a, S b, S yes, S no);

    /// <summary>2^n for whole n from −126 to 127.</summary>
    static abstract S PowerOfTwo(S n);

    /// <summary>The sum of the elements, in a fixed order.</summary>
    static abstract float Sum(S a);
}

/// <summary>A width policy of the CPU bodies, which work on host memory.</summary>
/// <typeparam name="S">The values of one step.</typeparam>
internal unsafe interface ICpuLanes<S> : ILanes<S> where S : unmanaged
{
    /// <summary>Reads a step's elements.</summary>
    static abstract S Load(float* source);

    /// <summary>Writes a step's elements.</summary>
    static abstract void Store(float* target, S value);
}

/// <summary>A width policy of the GPU's bodies, whose threads exchange values.</summary>
/// <typeparam name="S">The values of one step.</typeparam>
internal interface IGpuLanes<S> : ILanes<S> where S : unmanaged
{
    /// <inheritdoc cref="Gpu.SubwarpShuffle.ShuffleXor(float, int, int)"/>
    static abstract S ShuffleXor(S value, int distance, int lanes);
}
