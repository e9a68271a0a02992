using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Autodiff;

/// <summary>Operations on a tape that may run in one pass, or as the operations that they stand for; <see cref="FusedForms"/> decides.</summary>
public static class Fused
{
    /// <summary>residual + gate·(x·Wᵀ + b).</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">Rows of in.</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="into">What the product is added to; its stream has the output's shape.</param>
    public static Variable LinearGate(this Tape tape, Variable x, Parameter weight, Parameter? bias, Gated into)
    {
        if (!FusedForms.LinearGate.Applies(new(tape, x.Value, weight.Shape, into.Stream.Shape), into.Step)) return tape.Gate(tape.Linear(x, weight, bias, into.Stream.Shape), into);
        return tape.WithEpilogue(x, weight, bias, into.Stream.Shape,
            (packed, z, y) => MatMulEpilogue.Gate(x.Value, packed, bias?.Value, into.Stream.Value, into.Modulation.Values, into.Gate, z, y),
            (z, y) => tape.PushGate(into.Stream, z, into.Modulation, into.Gate, y));
    }

    /// <summary>gelu(x·Wᵀ + b).</summary>
    /// <inheritdoc cref="LinearGate" path="/param"/>
    public static Variable LinearGelu(this Tape tape, Variable x, Parameter weight, Parameter? bias)
    {
        if (!FusedForms.LinearGelu.Applies(new(tape, x.Value, weight.Shape))) return tape.Gelu(tape.Linear(x, weight, bias));
        return tape.WithEpilogue(x, weight, bias, Differentiable.OutputShape(x, weight, null), (packed, z, y) => MatMulEpilogue.Gelu(x.Value, packed, bias?.Value, z, y), tape.PushGelu);
    }

    /// <summary>silu(x·W₁ᵀ)·(x·W₃ᵀ).</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">Rows of in.</param>
    /// <param name="weight1">W₁ [out, in].</param>
    /// <param name="weight3">W₃ [out, in].</param>
    public static Variable LinearSwiGlu(this Tape tape, Variable x, Parameter weight1, Parameter weight3)
    {
        var a = tape.Linear(x, weight1, null);
        if (!FusedForms.LinearSwiGlu.Applies(new(tape, x.Value, weight3.Shape))) return tape.SwiGlu(a, tape.Linear(x, weight3, null));
        return tape.WithEpilogue(x, weight3, null, a.Shape, (packed, b, y) => MatMulEpilogue.SwiGlu(x.Value, packed, a.Value, b, y), (b, y) => tape.PushSwiGlu(a, b, y));
    }

    /// <summary>Linear, exact GELU, Linear. See <see cref="Kernels.Operations.GeluMlp"/>.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">[.., d].</param>
    /// <param name="weight1">[f, d].</param>
    /// <param name="bias1">[f].</param>
    /// <param name="weight2">[n, f].</param>
    /// <param name="bias2">[n].</param>
    public static Variable GeluMlp(this Tape tape, Variable x, Parameter weight1, Parameter bias1, Parameter weight2, Parameter bias2)
    {
        if (!FusedForms.GeluMlp.Applies(new(tape, x.Value))) return tape.Linear(tape.LinearGelu(x, weight1, bias1), weight2, bias2);
        var y = tape.Output(Differentiable.OutputShape(x, weight2, null), x.Value.Type, true);
        Kernels.Operations.GeluMlp.Forward(x.Value, weight1.Packed()!, bias1.Value, weight2.Packed()!, bias2.Value, y.Value);
        tape.Push(y, dY =>
        {
            var dX = tape.Target(x, out bool accumulate);
            (Tensor, Tensor, Tensor, Tensor)? gradients = weight1.Gradient is { } dWeight1 ? (dWeight1, bias1.Gradient!, weight2.Gradient!, bias2.Gradient!) : null;
            Kernels.Operations.GeluMlp.Backward(dY, x.Value, weight1.Value, weight1.Packed()!, bias1.Value, weight2.Value, dX, accumulate, gradients);
        });
        return y;
    }

    /// <summary>The same, gated into a stream: stream + gate·MLP.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">[.., d].</param>
    /// <param name="weight1">[f, d].</param>
    /// <param name="bias1">[f].</param>
    /// <param name="weight2">[n, f].</param>
    /// <param name="bias2">[n].</param>
    /// <param name="into">What the MLP is added to.</param>
    public static Variable GeluMlp(this Tape tape, Variable x, Parameter weight1, Parameter bias1, Parameter weight2, Parameter bias2, Gated into)
        => FusedForms.GeluMlp.Applies(new(tape, x.Value))
            ? tape.Gate(tape.GeluMlp(x, weight1, bias1, weight2, bias2), into)
            : tape.LinearGate(tape.LinearGelu(x, weight1, bias1), weight2, bias2, into);

    /// <summary>A product with an epilogue: the product itself, z, is kept only where a backward will want it, and is then a variable of its own.</summary>
    private static Variable WithEpilogue(this Tape tape, Variable x, Parameter weight, Parameter? bias, Shape shape, Action<Tensor, Tensor?, Tensor> launch, Action<Variable, Variable> pushEpilogue)
    {
        var z = tape.Recording ? tape.Output(shape, x.Value.Type, true) : null;
        var y = tape.Output(shape, x.Value.Type, true);
        launch(Differentiable.Prepared(x, weight, tape.Precision)!, z?.Value, y.Value);
        if (z is null) return y;
        tape.PushLinear(x, weight, bias, z, tape.Precision);
        pushEpilogue(z, y);
        return y;
    }
}
