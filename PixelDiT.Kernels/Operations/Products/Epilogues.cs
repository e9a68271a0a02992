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
}

/// <summary>The result itself.</summary>
internal readonly struct IdentityEpilogue : IEpilogue
{
    public Float4 Apply(long place, Float4 values) => values;
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
        long row = place / _channels, gates = (row / _rowsPerModulation * _stride) + _gate + (place - (row * _channels));
        Float4 result = Float4.Widen(rounded), residual = Float4.Read(_residual, place), gate = Float4.Read(_modulation, gates);
        return new()
        {
            X = residual.X + (result.X * gate.X),
            Y = residual.Y + (result.Y * gate.Y),
            Z = residual.Z + (result.Z * gate.Z),
            W = residual.W + (result.W * gate.W)
        };
    }
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
        Float4 result = Float4.Widen(rounded);
        return new() { X = Gelu(result.X), Y = Gelu(result.Y), Z = Gelu(result.Z), W = Gelu(result.W) };
    }

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
        Float4 result = Float4.Widen(rounded), a = Float4.Read(_a, place);
        return new() { X = Silu(a.X) * result.X, Y = Silu(a.Y) * result.Y, Z = Silu(a.Z) * result.Z, W = Silu(a.W) * result.W };
    }

    private static float Silu(float x) => Formulas.Silu<GpuLane, float>(x);
}
