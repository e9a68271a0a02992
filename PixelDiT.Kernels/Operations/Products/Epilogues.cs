using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>What a product does with its result before it is written, four columns at a time and after the bias.</summary>
internal interface IEpilogue
{
    /// <summary>What is written in the place of four values of the result.</summary>
    /// <param name="place">Of the first of them in C.</param>
    /// <param name="values">The result.</param>
    Float4 Apply(long place, Float4 values);

    /// <summary>What eight values of the result meet, read ahead of them.</summary>
    /// <param name="place">Of the first of them in C.</param>
    /// <param name="wanted">0 where there are none, and nothing is read.</param>
    EpilogueOperands Fetch(int place, int wanted);

    /// <summary>What is written in the place of eight values.</summary>
    /// <param name="place">Of the first of them in C.</param>
    /// <param name="values">The result, rounded to bfloat16.</param>
    /// <param name="operands">What was read.</param>
    UInt4 Finish(int place, UInt4 values, EpilogueOperands operands);
}

/// <summary>The result itself.</summary>
internal readonly struct IdentityEpilogue : IEpilogue
{
    public Float4 Apply(long place, Float4 values) => values;

    public EpilogueOperands Fetch(int place, int wanted) => default;

    public UInt4 Finish(int place, UInt4 values, EpilogueOperands operands) => values;
}

/// <summary>
/// residual + gate·result (SPEC §2), the result rounded to bfloat16 as if it had been stored, and stored too where a backward will want it. C is seen as rows of channels, of which
/// rowsPerModulation share a row of modulation.
/// </summary>
internal readonly struct GateEpilogue<TM>(
    DeviceView<BFloat16> residual, DeviceView<TM> modulation, DeviceView<BFloat16> kept, int keeps, int channels, int rowsPerModulation, int stride, int gate) : IEpilogue
    where TM : unmanaged, IStorage<TM>
{
    private readonly DeviceView<BFloat16> _residual = residual, _kept = kept;
    private readonly DeviceView<TM> _modulation = modulation;
    private readonly int _keeps = keeps, _channels = channels, _rowsPerModulation = rowsPerModulation, _stride = stride, _gate = gate;

    public Float4 Apply(long place, Float4 values)
    {
        UInt2 rounded = Float4.Round(values);
        if (_keeps != 0) Memory.StoreGlobal(_kept.Start + (place * 2), rounded);
        // Places of C are below 2³¹, which a product with an epilogue has been asked for.
        return Add(Float4.Widen(rounded), Float4.Read(_residual, place), Float4.Read(_modulation, Gate((int)place)));
    }

    public EpilogueOperands Fetch(int place, int wanted)
    {
        bool isSingle = TM.ElementType == ElementType.Single;
        long gates = _modulation.Start + (Gate(place) * (isSingle ? 4L : 2L));
        return new()
        {
            First = Memory.LoadGlobal(_residual.Start + (place * 2L), wanted),
            Second = Memory.LoadGlobal(gates, wanted),
            Third = isSingle ? Memory.LoadGlobal(gates + 16, wanted) : default
        };
    }

    public UInt4 Finish(int place, UInt4 values, EpilogueOperands operands)
    {
        if (_keeps != 0) Memory.StoreGlobal(_kept.Start + (place * 2L), values);
        bool isSingle = TM.ElementType == ElementType.Single;
        Float4 low = isSingle ? Float4.AsFloats(operands.Second) : Float4.WidenLow(operands.Second), high = isSingle ? Float4.AsFloats(operands.Third) : Float4.WidenHigh(operands.Second);
        return Float4.Round(Add(Float4.WidenLow(values), Float4.WidenLow(operands.First), low), Add(Float4.WidenHigh(values), Float4.WidenHigh(operands.First), high));
    }

    private int Gate(int place)
    {
        int row = place / _channels;
        return (row / _rowsPerModulation * _stride) + _gate + (place - (row * _channels));
    }

    private static Float4 Add(Float4 result, Float4 residual, Float4 gate) => new()
    {
        X = residual.X + (result.X * gate.X),
        Y = residual.Y + (result.Y * gate.Y),
        Z = residual.Z + (result.Z * gate.Z),
        W = residual.W + (result.W * gate.W)
    };
}

/// <summary>gelu(result) (SPEC §2), the result rounded to bfloat16 as if it had been stored, and stored too where a backward will want it.</summary>
internal readonly struct GeluEpilogue(DeviceView<BFloat16> kept, int keeps) : IEpilogue
{
    private readonly DeviceView<BFloat16> _kept = kept;
    private readonly int _keeps = keeps;

    public Float4 Apply(long place, Float4 values)
    {
        UInt2 rounded = Float4.Round(values);
        if (_keeps != 0) Memory.StoreGlobal(_kept.Start + (place * 2), rounded);
        return Gelu(Float4.Widen(rounded));
    }

    public EpilogueOperands Fetch(int place, int wanted) => default;

    public UInt4 Finish(int place, UInt4 values, EpilogueOperands operands)
    {
        if (_keeps != 0) Memory.StoreGlobal(_kept.Start + (place * 2L), values);
        return Float4.Round(Gelu(Float4.WidenLow(values)), Gelu(Float4.WidenHigh(values)));
    }

    private static Float4 Gelu(Float4 x) => new() { X = Gelu(x.X), Y = Gelu(x.Y), Z = Gelu(x.Z), W = Gelu(x.W) };

    private static float Gelu(float x) => x * Formulas.NormalDistribution<GpuLane, float>(x, out _);
}

/// <summary>silu(a)·result (SPEC §2), a read from memory, the result rounded to bfloat16 as if it had been stored, and stored too where a backward will want it.</summary>
internal readonly struct SwiGluEpilogue(DeviceView<BFloat16> a, DeviceView<BFloat16> kept, int keeps) : IEpilogue
{
    private readonly DeviceView<BFloat16> _a = a, _kept = kept;
    private readonly int _keeps = keeps;

    public Float4 Apply(long place, Float4 values)
    {
        UInt2 rounded = Float4.Round(values);
        if (_keeps != 0) Memory.StoreGlobal(_kept.Start + (place * 2), rounded);
        return Multiply(Float4.Widen(rounded), Float4.Read(_a, place));
    }

    public EpilogueOperands Fetch(int place, int wanted) => new() { First = Memory.LoadGlobal(_a.Start + (place * 2L), wanted) };

    public UInt4 Finish(int place, UInt4 values, EpilogueOperands operands)
    {
        if (_keeps != 0) Memory.StoreGlobal(_kept.Start + (place * 2L), values);
        return Float4.Round(Multiply(Float4.WidenLow(values), Float4.WidenLow(operands.First)), Multiply(Float4.WidenHigh(values), Float4.WidenHigh(operands.First)));
    }

    private static Float4 Multiply(Float4 result, Float4 a) => new() { X = Silu(a.X) * result.X, Y = Silu(a.Y) * result.Y, Z = Silu(a.Z) * result.Z, W = Silu(a.W) * result.W };

    private static float Silu(float x) => Formulas.Silu<GpuLane, float>(x);
}
