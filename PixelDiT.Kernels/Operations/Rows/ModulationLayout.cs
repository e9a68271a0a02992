using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Rows;

/// <summary>
/// Where shifts, scales and gates come from: the output [R / rowsPerModulation, chunks·n] of an adaLN Linear, for an activation of R rows of n.
/// The patch level shares one row of modulation among the L tokens of an image (rowsPerModulation = L). Pixel-wise AdaLN gives every pixel its own
/// (rowsPerModulation = 1): the Linear's output [B·L, P·chunks·d] seen as [B·L·P, chunks·d].
/// </summary>
/// <param name="Values">The modulation, or its gradient: R / RowsPerModulation rows of Chunks · n values, in any shape of that count; in float32, or stored as the activation is.</param>
/// <param name="Chunks">Chunks in a row: 6, or 4 for post-modulation.</param>
/// <param name="RowsPerModulation">Rows of the activation that share a row of modulation.</param>
public readonly record struct ModulationLayout(Tensor Values, int Chunks, int RowsPerModulation)
{
    /// <summary>The same layout over another tensor, such as the gradient.</summary>
    public ModulationLayout With(Tensor values) => this with { Values = values };

    /// <summary>Checks that there is a row of modulation for every row of an activation, and that the chunks exist.</summary>
    /// <exception cref="ShapeException">Rows, width or storage do not fit, or a chunk lies outside.</exception>
    internal void Require(Shape activation, ElementType type, params ReadOnlySpan<int> chunks)
    {
        if (RowsPerModulation < 1 || activation.Rows % RowsPerModulation != 0 || Values.Count != activation.Count / RowsPerModulation * Chunks)
            throw new ShapeException($"a modulation {Values.Shape} of {Chunks} chunks, each row for {RowsPerModulation} rows, does not fit an activation {activation}");
        if (Values.Type == ElementType.BFloat16 && type != ElementType.BFloat16) throw new ShapeException($"a modulation {Values.Shape} in bfloat16 does not fit an activation {activation} in float32");
        foreach (int chunk in chunks)
        {
            if (chunk < 0 || chunk >= Chunks) throw new ShapeException($"chunk {chunk} was asked of a modulation of {Chunks}");
        }
    }
}
