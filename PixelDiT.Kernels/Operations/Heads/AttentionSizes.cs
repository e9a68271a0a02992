using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>The sizes of an attention.</summary>
/// <param name="Batch">B, images.</param>
/// <param name="Tokens">L, queries and keys of an image.</param>
/// <param name="Heads">h.</param>
/// <param name="Width">hd, channels of a head.</param>
public readonly record struct AttentionSizes(int Batch, int Tokens, int Heads, int Width)
{
    /// <summary>1/√hd.</summary>
    public float Scale => 1f / MathF.Sqrt(Width);

    /// <summary>Checks what does not depend on where the heads lie.</summary>
    internal void Require(Tensor queries, Tensor lse, Precision precision)
    {
        lse.RequireCountOf("lse", (long)Batch * Heads * Tokens);
        if (Width < 4 || Width % 4 != 0) throw new ShapeException($"attention takes heads of 4, 8, 12, .. channels; these have {Width}");
        if (precision == Precision.TensorFloat32 && queries.Type != ElementType.Single) throw new ShapeException($"attention in TF32 takes float32 storage; queries {queries.Shape} are stored as {queries.Type}");
    }
}
