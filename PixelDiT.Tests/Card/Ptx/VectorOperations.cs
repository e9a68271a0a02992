using System.Numerics;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>A function of one row.</summary>
internal interface IUnary<T>
{
    static abstract Vector<T> Of(Vector<T> a);
}

/// <summary>A function of two rows.</summary>
internal interface IBinary<T>
{
    static abstract Vector<T> Of(Vector<T> a, Vector<T> b);
}

/// <summary>Writes a function of a row, for the active threads.</summary>
internal sealed unsafe class Unary<T, TFunction>(Register d, Register a) : Instruction where T : unmanaged where TFunction : struct, IUnary<T>
{
    public override void Run(ThreadGroup group)
    {
        T* to = group.Row<T>(d), x = group.Row<T>(a), mask = sizeof(T) == 8 ? (T*)group.WideMask : (T*)group.Mask;
        if (group.IsFull)
        {
            for (int i = 0; i < group.Padded; i += Vector<T>.Count) Vector.Store(TFunction.Of(Vector.Load(x + i)), to + i);
            return;
        }
        for (int i = 0; i < group.Padded; i += Vector<T>.Count) Vector.Store(Vector.ConditionalSelect(Vector.Load(mask + i), TFunction.Of(Vector.Load(x + i)), Vector.Load(to + i)), to + i);
    }
}

/// <summary>Writes a function of two rows, for the active threads.</summary>
internal sealed unsafe class Binary<T, TFunction>(Register d, Register a, Register b) : Instruction where T : unmanaged where TFunction : struct, IBinary<T>
{
    public override void Run(ThreadGroup group)
    {
        T* to = group.Row<T>(d), x = group.Row<T>(a), y = group.Row<T>(b), mask = sizeof(T) == 8 ? (T*)group.WideMask : (T*)group.Mask;
        if (group.IsFull)
        {
            for (int i = 0; i < group.Padded; i += Vector<T>.Count) Vector.Store(TFunction.Of(Vector.Load(x + i), Vector.Load(y + i)), to + i);
            return;
        }
        for (int i = 0; i < group.Padded; i += Vector<T>.Count)
            Vector.Store(Vector.ConditionalSelect(Vector.Load(mask + i), TFunction.Of(Vector.Load(x + i), Vector.Load(y + i)), Vector.Load(to + i)), to + i);
    }
}

/// <summary>selp: a where a predicate is true, else b.</summary>
internal sealed unsafe class Select<T>(Register d, Register a, Register b, Register condition) : Instruction where T : unmanaged
{
    public override void Run(ThreadGroup group)
    {
        T* to = group.Row<T>(d), x = group.Row<T>(a), y = group.Row<T>(b);
        uint* p = group.Row<uint>(condition);
        if (sizeof(T) == 4 && group.IsFull)
        {
            for (int i = 0; i < group.Padded; i += Vector<T>.Count) Vector.Store(Vector.ConditionalSelect(Vector.Load((T*)p + i), Vector.Load(x + i), Vector.Load(y + i)), to + i);
            return;
        }
        foreach (int thread in group.Active) to[thread] = p[thread] != 0 ? x[thread] : y[thread];
    }
}

internal readonly struct Copy<T> : IUnary<T>
{
    public static Vector<T> Of(Vector<T> a) => a;
}

internal readonly struct NegateInteger<T> : IUnary<T>
{
    public static Vector<T> Of(Vector<T> a) => Vector<T>.Zero - a;
}

/// <summary>Changes the sign, of zeros and NaNs too.</summary>
internal readonly struct NegateSingle : IUnary<uint>
{
    public static Vector<uint> Of(Vector<uint> a) => a ^ new Vector<uint>(0x80000000);
}

internal readonly struct AbsoluteSingle : IUnary<uint>
{
    public static Vector<uint> Of(Vector<uint> a) => a & new Vector<uint>(0x7FFFFFFF);
}

internal readonly struct Reciprocal : IUnary<float>
{
    public static Vector<float> Of(Vector<float> a) => Vector<float>.One / a;
}

internal readonly struct SquareRoot : IUnary<float>
{
    public static Vector<float> Of(Vector<float> a) => Vector.SquareRoot(a);
}

internal readonly struct Add<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => a + b;
}

internal readonly struct Subtract<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => a - b;
}

/// <summary>The product, of integers its low half.</summary>
internal readonly struct Multiply<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => a * b;
}

internal readonly struct DivideSingle : IBinary<float>
{
    public static Vector<float> Of(Vector<float> a, Vector<float> b) => a / b;
}

internal readonly struct Complement<T> : IUnary<T>
{
    public static Vector<T> Of(Vector<T> a) => Vector.OnesComplement(a);
}

internal readonly struct And<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => a & b;
}

internal readonly struct Or<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => a | b;
}

internal readonly struct Xor<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => a ^ b;
}

internal readonly struct Equal<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => Vector.Equals(a, b);
}

internal readonly struct Less<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => Vector.LessThan(a, b);
}

internal readonly struct LessOrEqual<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => Vector.LessThanOrEqual(a, b);
}

/// <summary>Ordered and not equal: what is less or greater.</summary>
internal readonly struct LessOrGreater<T> : IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => Vector.LessThan(a, b) | Vector.GreaterThan(a, b);
}

internal readonly struct Swapped<T, TFunction> : IBinary<T> where TFunction : struct, IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => TFunction.Of(b, a);
}

/// <summary>Whatever a comparison does not say; of a comparison of floating point that is false for NaN, one that is true.</summary>
internal readonly struct Not<T, TFunction> : IBinary<T> where TFunction : struct, IBinary<T>
{
    public static Vector<T> Of(Vector<T> a, Vector<T> b) => Vector.OnesComplement(TFunction.Of(a, b));
}
