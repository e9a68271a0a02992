using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Vision;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Autodiff;

/// <summary>The operations of representation alignment on a tape, all in float32. Equations and shapes stand in the kernel files.</summary>
public static class Alignment
{
    /// <summary>Each image's rows [B, n, D] mixed by a sparse matrix: [B, m, D]. See <see cref="Kernels.Operations.Vision.SparseMatMul"/>.</summary>
    public static Variable SparseMatMul(this Tape tape, CsrMatrix matrix, Variable x)
    {
        var y = tape.Output([x.Shape[0], matrix.Rows, x.Shape[2]], ElementType.Single, x.RequiresGradient);
        Kernels.Operations.Vision.SparseMatMul.Forward(matrix, x.Value, y.Value);
        tape.Push(y, dY =>
        {
            if (tape.Target(x, out bool accumulate) is { } dX) Kernels.Operations.Vision.SparseMatMul.Forward(matrix.Transposed, dY.Reshape(y.Shape), dX, accumulate);
        });
        return y;
    }

    /// <summary>Rows of unit length. See <see cref="Kernels.Operations.Vision.L2Normalize"/>.</summary>
    public static Variable L2Normalize(this Tape tape, Variable x)
    {
        var y = tape.Output(x.Shape, ElementType.Single, x.RequiresGradient);
        var inverse = tape.Allocate([x.Shape.Rows]);
        Kernels.Operations.Vision.L2Normalize.Forward(x.Value, y.Value, inverse);
        tape.Push(y, dY =>
        {
            if (tape.Target(x, out bool accumulate) is { } dX) Kernels.Operations.Vision.L2Normalize.Backward(dY, y.Value, inverse, dX, accumulate);
        }, inverse);
        return y;
    }

    /// <summary>offset − the mean cosine of the rows of u and z [R, n]; [1]. See <see cref="Kernels.Operations.Vision.CosineLoss"/>.</summary>
    public static Variable CosineLoss(this Tape tape, Variable u, Tensor z, float offset)
    {
        var loss = tape.Output([1], ElementType.Single, true);
        var kept = tape.Allocate([Kernels.Operations.Vision.CosineLoss.Kept, u.Shape.Rows]);
        Kernels.Operations.Vision.CosineLoss.Forward(u.Value, z, offset, kept, loss.Value);
        tape.Push(loss, dLoss =>
        {
            if (tape.Target(u, out bool accumulate) is not { } dU) return;
            if (accumulate) throw new InvalidOperationException($"the gradient {u.Shape} of an operation that writes it has another writer");
            Kernels.Operations.Vision.CosineLoss.Backward(dLoss, u.Value, z, kept, dU);
        }, kept);
        return loss;
    }

    /// <summary>x + factor·z, of the same shape, float32. See <see cref="Combine"/>.</summary>
    public static Variable AddScaled(this Tape tape, Variable x, float factor, Variable z)
    {
        var y = tape.Output(x.Shape, ElementType.Single, x.RequiresGradient || z.RequiresGradient);
        Combine.Forward(1, x.Value, factor, z.Value, y.Value);
        tape.Push(y, dY =>
        {
            if (tape.Target(z, out bool accumulate) is { } dZ) Combine.Forward(factor, dY, accumulate ? 1 : 0, accumulate ? dZ : dY, dZ);
            tape.Pass(y, x);
        });
        return y;
    }
}
