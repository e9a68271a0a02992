using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>What a product does with its result before it is written, four columns at a time and after the bias.</summary>
internal interface IProductEnd
{
    /// <summary>What is written in the place of four values of the result.</summary>
    /// <param name="place">Of the first of them in C.</param>
    /// <param name="values">The result.</param>
    Four Apply(long place, Four values);
}

/// <summary>The result itself.</summary>
internal readonly struct NoEnd : IProductEnd
{
    public Four Apply(long place, Four values) => values;
}

/// <summary>
/// residual + gate·result (SPEC §2), the result rounded to bfloat16 as if it had been stored, and stored too where a backward will want it. C is seen as rows of channels, of which
/// rowsPerModulation share a row of modulation.
/// </summary>
internal readonly struct GateEnd<TM>(
    DeviceView<BFloat16> residual, DeviceView<TM> modulation, DeviceView<BFloat16> kept, int keeps, int channels, int rowsPerModulation, int stride, int gate) : IProductEnd
    where TM : unmanaged, IStorage<TM>
{
    private readonly DeviceView<BFloat16> _residual = residual, _kept = kept;
    private readonly DeviceView<TM> _modulation = modulation;
    private readonly int _keeps = keeps, _channels = channels, _rowsPerModulation = rowsPerModulation, _stride = stride, _gate = gate;

    public Four Apply(long place, Four values)
    {
        Pair rounded = Fours.Round(values);
        if (_keeps != 0) Memory.StoreGlobal(_kept.Start + (place * 2), rounded);
        long row = place / _channels, gates = (row / _rowsPerModulation * _stride) + _gate + (place - (row * _channels));
        Four result = Fours.Widen(rounded), residual = Fours.Read(_residual, place), gate = Fours.Read(_modulation, gates);
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
internal readonly struct GeluEnd(DeviceView<BFloat16> kept, int keeps) : IProductEnd
{
    private readonly DeviceView<BFloat16> _kept = kept;
    private readonly int _keeps = keeps;

    public Four Apply(long place, Four values)
    {
        Pair rounded = Fours.Round(values);
        if (_keeps != 0) Memory.StoreGlobal(_kept.Start + (place * 2), rounded);
        Four result = Fours.Widen(rounded);
        return new() { X = Gelu(result.X), Y = Gelu(result.Y), Z = Gelu(result.Z), W = Gelu(result.W) };
    }

    private static float Gelu(float x) => x * Formulas.NormalDistribution<DeviceLane, float>(x, out _);
}

/// <summary>silu(a)·result (SPEC §2), a read from memory, the result rounded to bfloat16 as if it had been stored, and stored too where a backward will want it.</summary>
internal readonly struct SwiGluEnd(DeviceView<BFloat16> a, DeviceView<BFloat16> kept, int keeps) : IProductEnd
{
    private readonly DeviceView<BFloat16> _a = a, _kept = kept;
    private readonly int _keeps = keeps;

    public Four Apply(long place, Four values)
    {
        Pair rounded = Fours.Round(values);
        if (_keeps != 0) Memory.StoreGlobal(_kept.Start + (place * 2), rounded);
        Four result = Fours.Widen(rounded), a = Fours.Read(_a, place);
        return new() { X = Silu(a.X) * result.X, Y = Silu(a.Y) * result.Y, Z = Silu(a.Z) * result.Z, W = Silu(a.W) * result.W };
    }

    private static float Silu(float x) => Formulas.Silu<DeviceLane, float>(x);
}
