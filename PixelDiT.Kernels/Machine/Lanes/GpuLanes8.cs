using System.Runtime.CompilerServices;
using ILGPU;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Machine.Lanes;

/// <summary>
/// Eight float32 values on a GPU thread: the arithmetic of <see cref="GpuLane"/> eight times, with memory in accesses of 128 bits, two for float32 and one for
/// bfloat16. Where an address is no multiple of 16 bytes, elements move one by one.
/// </summary>
internal readonly struct GpuLanes8 : IGpuLanes<Float8>
{
    private const int AccessBytes = 16;

    /// <inheritdoc/>
    public static int Count => 8;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Set(float value) => new(value, value, value, value, value, value, value, value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Load(DeviceView<float> view, long index)
    {
        long address = view.Start + (index * 4);
        if (IsAligned(address)) return Memory.LoadGlobalEight(address);
        return new(view[index], view[index + 1], view[index + 2], view[index + 3], view[index + 4], view[index + 5], view[index + 6], view[index + 7]);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Load<T>(DeviceView<T> view, long index) where T : unmanaged, IStorage<T>
    {
        long address = view.Start + (index * (T.ElementType == ElementType.BFloat16 ? 2 : 4));
        if (IsAligned(address)) return T.ElementType == ElementType.BFloat16 ? Widen(Memory.LoadGlobal(address)) : Memory.LoadGlobalEight(address);
        return new(
            T.ToSingle(view[index]), T.ToSingle(view[index + 1]), T.ToSingle(view[index + 2]), T.ToSingle(view[index + 3]),
            T.ToSingle(view[index + 4]), T.ToSingle(view[index + 5]), T.ToSingle(view[index + 6]), T.ToSingle(view[index + 7]));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadSwapped(DeviceView<float> view, long index) => Swap(Load(view, index));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadSwapped<T>(DeviceView<T> view, long index) where T : unmanaged, IStorage<T> => Swap(Load(view, index));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(DeviceView<float> view, long index, Float8 value)
    {
        long address = view.Start + (index * 4);
        if (IsAligned(address))
        {
            Memory.StoreGlobal(address, value);
            return;
        }
        view[index] = value.A;
        view[index + 1] = value.B;
        view[index + 2] = value.C;
        view[index + 3] = value.D;
        view[index + 4] = value.E;
        view[index + 5] = value.F;
        view[index + 6] = value.G;
        view[index + 7] = value.H;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(DeviceView<T> view, long index, Float8 value) where T : unmanaged, IStorage<T>
    {
        long address = view.Start + (index * (T.ElementType == ElementType.BFloat16 ? 2 : 4));
        if (IsAligned(address))
        {
            if (T.ElementType == ElementType.BFloat16) Memory.StoreGlobal(address, Narrow(value));
            else Memory.StoreGlobal(address, value);
            return;
        }
        view[index] = T.FromSingle(value.A);
        view[index + 1] = T.FromSingle(value.B);
        view[index + 2] = T.FromSingle(value.C);
        view[index + 3] = T.FromSingle(value.D);
        view[index + 4] = T.FromSingle(value.E);
        view[index + 5] = T.FromSingle(value.F);
        view[index + 6] = T.FromSingle(value.G);
        view[index + 7] = T.FromSingle(value.H);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Add(Float8 a, Float8 b) => new(a.A + b.A, a.B + b.B, a.C + b.C, a.D + b.D, a.E + b.E, a.F + b.F, a.G + b.G, a.H + b.H);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Subtract(Float8 a, Float8 b) => new(a.A - b.A, a.B - b.B, a.C - b.C, a.D - b.D, a.E - b.E, a.F - b.F, a.G - b.G, a.H - b.H);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Multiply(Float8 a, Float8 b) => new(a.A * b.A, a.B * b.B, a.C * b.C, a.D * b.D, a.E * b.E, a.F * b.F, a.G * b.G, a.H * b.H);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 MultiplyAdd(Float8 a, Float8 b, Float8 c) => new(
        (a.A * b.A) + c.A, (a.B * b.B) + c.B, (a.C * b.C) + c.C, (a.D * b.D) + c.D, (a.E * b.E) + c.E, (a.F * b.F) + c.F, (a.G * b.G) + c.G, (a.H * b.H) + c.H);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Divide(Float8 a, Float8 b) => new(a.A / b.A, a.B / b.B, a.C / b.C, a.D / b.D, a.E / b.E, a.F / b.F, a.G / b.G, a.H / b.H);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Sqrt(Float8 a) => new(
        MathF.Sqrt(a.A), MathF.Sqrt(a.B), MathF.Sqrt(a.C), MathF.Sqrt(a.D), MathF.Sqrt(a.E), MathF.Sqrt(a.F), MathF.Sqrt(a.G), MathF.Sqrt(a.H));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Abs(Float8 a) => new(MathF.Abs(a.A), MathF.Abs(a.B), MathF.Abs(a.C), MathF.Abs(a.D), MathF.Abs(a.E), MathF.Abs(a.F), MathF.Abs(a.G), MathF.Abs(a.H));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Max(Float8 a, Float8 b) => SelectLess(a, b, b, a);

    // As in GpuLane: a on the left, for b may be a constant.

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Min(Float8 a, Float8 b) => new(
        a.A > b.A ? b.A : a.A, a.B > b.B ? b.B : a.B, a.C > b.C ? b.C : a.C, a.D > b.D ? b.D : a.D,
        a.E > b.E ? b.E : a.E, a.F > b.F ? b.F : a.F, a.G > b.G ? b.G : a.G, a.H > b.H ? b.H : a.H);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 SelectLess(Float8 a, Float8 b, Float8 yes, Float8 no) => new(
        a.A < b.A ? yes.A : no.A, a.B < b.B ? yes.B : no.B, a.C < b.C ? yes.C : no.C, a.D < b.D ? yes.D : no.D,
        a.E < b.E ? yes.E : no.E, a.F < b.F ? yes.F : no.F, a.G < b.G ? yes.G : no.G, a.H < b.H ? yes.H : no.H);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 PowerOfTwo(Float8 n) => new(
        GpuLane.PowerOfTwo(n.A), GpuLane.PowerOfTwo(n.B), GpuLane.PowerOfTwo(n.C), GpuLane.PowerOfTwo(n.D),
        GpuLane.PowerOfTwo(n.E), GpuLane.PowerOfTwo(n.F), GpuLane.PowerOfTwo(n.G), GpuLane.PowerOfTwo(n.H));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Float8 a) => ((a.A + a.B) + (a.C + a.D)) + ((a.E + a.F) + (a.G + a.H));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 ShuffleXor(Float8 value, int distance, int lanes) => SubwarpShuffle.ShuffleXor(value, distance, lanes);

    private static bool IsAligned(long address) => ((int)address & (AccessBytes - 1)) == 0;

    private static Float8 Swap(Float8 a) => new(a.B, a.A, a.D, a.C, a.F, a.E, a.H, a.G);

    private static Float8 Widen(UInt4 bits) => new(
        Interop.IntAsFloat(bits.X << 16), Interop.IntAsFloat(bits.X & 0xFFFF0000u), Interop.IntAsFloat(bits.Y << 16), Interop.IntAsFloat(bits.Y & 0xFFFF0000u),
        Interop.IntAsFloat(bits.Z << 16), Interop.IntAsFloat(bits.Z & 0xFFFF0000u), Interop.IntAsFloat(bits.W << 16), Interop.IntAsFloat(bits.W & 0xFFFF0000u));

    private static UInt4 Narrow(Float8 value) => new()
    {
        X = Rounding.ToBFloat16(value.A, value.B),
        Y = Rounding.ToBFloat16(value.C, value.D),
        Z = Rounding.ToBFloat16(value.E, value.F),
        W = Rounding.ToBFloat16(value.G, value.H)
    };
}
