using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// A GPU's forward products in bfloat16 that do more with their result than to write it. x [M, in], W [out, in], b [out], z and y [M, out]:
/// <code>
/// Gate     z = x·Wᵀ + b      y = residual + gate_m·z      replaces MatMul.Forward and Modulate.ForwardGate
/// Gelu     z = x·Wᵀ + b      y = gelu(z)                  replaces MatMul.Forward and Gelu.Forward
/// SwiGlu   z = x·Wᵀ          y = silu(a)·z                replaces MatMul.Forward and SwiGlu.Forward, a being the other product
/// </code>
/// z is rounded to bfloat16 before it is used, as between the two operations, and written only where a backward will want it: the backwards are theirs.
/// </summary>
public static class MatMulEpilogue
{
    /// <summary>Whether the device has such products for x; otherwise the two operations do it.</summary>
    public static bool Serves(Tensor x, Precision precision) => x.Device.RunsTiles && precision == Precision.BFloat16 && x.Type == ElementType.BFloat16;

    /// <summary>The same for a product with a weight [out, in].</summary>
    public static bool Serves(Tensor x, Shape weight, Precision precision) => Serves(x, precision) && weight[0] % 4 == 0;

    /// <summary>y = residual + gate·(x·Wᵀ + b).</summary>
    /// <param name="x">[.., in].</param>
    /// <param name="packed">The weight in bfloat16.</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="residual">As y.</param>
    /// <param name="modulation">Where the gate comes from; its channels are y's last dimension, a multiple of 4.</param>
    /// <param name="gate">Which chunk.</param>
    /// <param name="z">Receives x·Wᵀ + b; null where nobody wants it.</param>
    /// <param name="y">[.., out], in rows of as many channels as the modulation has.</param>
    public static void Gate(Tensor x, Tensor packed, Tensor? bias, Tensor residual, ModulationLayout modulation, int gate, Tensor? z, Tensor y)
    {
        modulation.Require(y.Shape, y.Type, gate);
        y.RequireSameCount(residual, z);
        if (modulation.Values.Type == ElementType.BFloat16) Gate<BFloat16>(x, packed, bias, residual, modulation, gate, z, y);
        else Gate<Single32>(x, packed, bias, residual, modulation, gate, z, y);
    }

    private static void Gate<TM>(Tensor x, Tensor packed, Tensor? bias, Tensor residual, ModulationLayout modulation, int gate, Tensor? z, Tensor y) where TM : unmanaged, IStorage<TM>
    {
        int channels = y.Shape[^1];
        Require("the residual", residual, channels);
        Require("the modulation", modulation.Values, channels);
        if (z is not null) Require("z", z, channels);
        if (channels % 4 != 0) throw new ShapeException($"a product with a gate takes rows of 4, 8, 12, .. channels; y is {y.Shape}");
        bool inEights = residual.HasAlignedLines(channels, 8) && modulation.Values.HasAlignedLines(channels, 8) && z?.HasAlignedLines(channels, 8) != false;
        Launch(x, packed, bias, y, new GateEpilogue<TM>(
            residual.View<BFloat16>(), modulation.Values.View<TM>(), (z ?? y).View<BFloat16>(), z is null ? 0 : 1, channels, modulation.RowsPerModulation, modulation.Chunks * channels, gate * channels), inEights);
    }

    /// <summary>y = gelu(x·Wᵀ + b).</summary>
    /// <inheritdoc cref="Gate(Tensor, Tensor, Tensor?, Tensor, ModulationLayout, int, Tensor?, Tensor)" path="/param"/>
    public static void Gelu(Tensor x, Tensor packed, Tensor? bias, Tensor? z, Tensor y)
    {
        if (z is not null)
        {
            y.RequireSameCount(z);
            Require("z", z, packed.Shape[0]);
        }
        Launch(x, packed, bias, y, new GeluEpilogue((z ?? y).View<BFloat16>(), z is null ? 0 : 1), inEights: false);
    }

    /// <summary>y = silu(a)·(x·Wᵀ).</summary>
    /// <param name="x">[.., in].</param>
    /// <param name="packed">The weight in bfloat16.</param>
    /// <param name="a">As y.</param>
    /// <param name="z">Receives x·Wᵀ; null where nobody wants it.</param>
    /// <param name="y">[.., out].</param>
    public static void SwiGlu(Tensor x, Tensor packed, Tensor a, Tensor? z, Tensor y)
    {
        y.RequireSameCount(a, z);
        Require("the other product", a, packed.Shape[0]);
        if (z is not null) Require("z", z, packed.Shape[0]);
        Launch(x, packed, null, y, new SwiGluEpilogue(a.View<BFloat16>(), (z ?? y).View<BFloat16>(), z is null ? 0 : 1), a.HasAlignedLines(packed.Shape[0], 8) && z?.HasAlignedLines(packed.Shape[0], 8) != false);
    }

    /// <summary>What an epilogue reads and writes it moves four columns at a time.</summary>
    private static void Require(string name, Tensor tensor, int columns)
    {
        if (!tensor.HasAlignedLines(columns, 4)) throw new ShapeException($"a product with an epilogue wants lines of {name} that begin at multiples of 4 elements; {name} is {tensor.Shape} at address {tensor.Address:x}");
    }

    private static void Launch<TEpilogue>(Tensor x, Tensor packed, Tensor? bias, Tensor y, TEpilogue epilogue, bool inEights) where TEpilogue : struct, IEpilogue
    {
        int outputs = packed.Shape[0], inputs = packed.Shape[1], rows = checked((int)(x.Count / inputs));
        y.RequireCountOf("y", (long)rows * outputs);
        bias?.RequireCountOf("a bias", outputs);
        Require("y", y, outputs);
        if (y.Count > int.MaxValue) throw new ShapeException($"a product with an epilogue has up to {int.MaxValue} results; y is {y.Shape}: a smaller batch has fewer");
        TiledMatMul.Forward(x, packed, bias, y, rows, outputs, inputs, epilogue, inEights);
    }
}
