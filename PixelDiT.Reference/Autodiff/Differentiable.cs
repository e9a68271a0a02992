using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Autodiff;

/// <summary>
/// The operations of the model on a tape: each launches its forward and pushes its backward. Equations and shapes stand in the kernel files; operations that stand for several of
/// these are in <see cref="Fused"/>.
/// </summary>
public static class Differentiable
{
    /// <summary>y [.., out] = x [.., in]·Wᵀ + b. See <see cref="MatMul"/>.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">Rows of in.</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="shape">The output's shape; null means x's with its last dimension replaced.</param>
    /// <param name="precision">What x and W are rounded to; null means the tape's.</param>
    public static Variable Linear(this Tape tape, Variable x, Parameter weight, Parameter? bias, Shape? shape = null, Precision? precision = null)
    {
        var rounding = precision ?? tape.Precision;
        var y = tape.Output(OutputShape(x, weight, shape), x.Value.Type, true);
        MatMul.Forward(x.Value, weight.Value, Prepared(x, weight, rounding), bias?.Value, y.Value, rounding);
        tape.PushLinear(x, weight, bias, y, rounding);
        return y;
    }

    internal static Shape OutputShape(Variable x, Parameter weight, Shape? shape) => shape ?? Shape.Create([.. x.Shape.Take(x.Shape.Rank - 1), weight.Shape[0]]);

    internal static Tensor? Prepared(Variable x, Parameter weight, Precision precision) => weight.Prepared((int)(x.Value.Count / weight.Shape[1]), precision);

    internal static void PushLinear(this Tape tape, Variable x, Parameter weight, Parameter? bias, Variable y, Precision precision) => tape.Push(y, dY =>
    {
        if (tape.Target(x, out bool accumulate) is { } dX) MatMul.BackwardInput(dY, weight.Value, dX, accumulate, precision, dX.Device.Kind != DeviceKind.Cpu ? Prepared(x, weight, precision) : null);
        if (weight.GradientTarget(out accumulate) is { } dWeight) MatMul.BackwardWeight(dY, x.Value, dWeight, accumulate, precision);
        if (bias?.Gradient is { } dBias) MatMul.BackwardBias(dY, dBias);
    });

    /// <summary>RMSNorm over the last axis. See <see cref="Kernels.Operations.RmsNorm"/>.</summary>
    public static Variable RmsNorm(this Tape tape, Variable x, Parameter weight)
    {
        var y = tape.Output(x.Shape, x.Value.Type, true);
        var rstd = tape.Allocate([x.Shape.Rows]);
        Kernels.Operations.RmsNorm.Forward(x.Value, weight.Value, y.Value, rstd);
        tape.Push(y, dY => Kernels.Operations.RmsNorm.Backward(dY, x.Value, weight.Value, rstd, tape.Target(x, out bool accumulate), accumulate, weight.Gradient), rstd);
        return y;
    }

    /// <summary>[residual +] x·(1 + scale) + shift. See <see cref="Kernels.Operations.Modulate"/>.</summary>
    public static Variable Modulate(this Tape tape, Variable x, Chunks modulation, int shift, int scale, Variable? residual = null)
    {
        var y = tape.Output(x.Shape, x.Value.Type, true);
        Kernels.Operations.Modulate.Forward(x.Value, residual?.Value, modulation.Values, shift, scale, y.Value);
        tape.Push(y, dY =>
        {
            Kernels.Operations.Modulate.Backward(dY, x.Value, modulation.Values, shift, scale, tape.Target(x, out bool accumulate), accumulate, modulation.Gradient(tape, shift, scale));
            if (residual is not null) tape.Pass(y, residual);
        });
        return y;
    }

    /// <summary>RMSNorm and modulation in one pass. See <see cref="Kernels.Operations.NormModulate"/>.</summary>
    public static Variable NormModulate(this Tape tape, Variable x, Parameter weight, Chunks modulation, int shift, int scale)
    {
        // snippet: operation
        var y = tape.Output(x.Shape, x.Value.Type, true);
        var rstd = tape.Allocate([x.Shape.Rows]);
        Kernels.Operations.NormModulate.Forward(x.Value, weight.Value, modulation.Values, shift, scale, y.Value, rstd);
        tape.Push(y, dY =>
        {
            var dModulation = modulation.Gradient(tape, shift, scale);
            Kernels.Operations.NormModulate.Backward(
                dY, x.Value, weight.Value, modulation.Values, shift, scale, rstd, tape.Required(x, out bool accumulate), accumulate, weight.Gradient, dModulation);
        }, rstd);
        return y;
        // end of snippet
    }

    /// <summary>residual + gate·x. See <see cref="Kernels.Operations.Modulate"/>.</summary>
    public static Variable Gate(this Tape tape, Variable residual, Variable x, Chunks modulation, int gate)
    {
        var y = tape.Output(x.Shape, x.Value.Type, true);
        Kernels.Operations.Modulate.ForwardGate(x.Value, residual.Value, modulation.Values, gate, y.Value);
        tape.PushGate(residual, x, modulation, gate, y);
        return y;
    }

    /// <summary>A product that a step names, and the gate that adds it to its stream.</summary>
    public static Variable Gate(this Tape tape, Variable product, Gated into)
    {
        tape.Step(into.Step, product);
        return tape.Gate(into.Stream, product, into.Modulation, into.Gate);
    }

    internal static void PushGate(this Tape tape, Variable residual, Variable x, Chunks modulation, int gate, Variable y) => tape.Push(y, dY =>
    {
        Kernels.Operations.Modulate.BackwardGate(dY, x.Value, modulation.Values, gate, tape.Target(x, out bool accumulate), accumulate, modulation.Gradient(tape, gate));
        tape.Pass(y, residual);
    });

    /// <summary>silu(a)·b. See <see cref="Kernels.Operations.SwiGlu"/>.</summary>
    public static Variable SwiGlu(this Tape tape, Variable a, Variable b)
    {
        var y = tape.Output(a.Shape, a.Value.Type, true);
        Kernels.Operations.SwiGlu.Forward(a.Value, b.Value, y.Value);
        tape.PushSwiGlu(a, b, y);
        return y;
    }

    internal static void PushSwiGlu(this Tape tape, Variable a, Variable b, Variable y)
        => tape.Push(y, dY => Kernels.Operations.SwiGlu.Backward(dY, a.Value, b.Value, tape.Only(a), tape.Only(b)));

    /// <summary>Exact GELU. See <see cref="Kernels.Operations.Gelu"/>.</summary>
    public static Variable Gelu(this Tape tape, Variable x)
    {
        var y = tape.Output(x.Shape, x.Value.Type, true);
        Kernels.Operations.Gelu.Forward(x.Value, y.Value);
        tape.PushGelu(x, y);
        return y;
    }

    internal static void PushGelu(this Tape tape, Variable x, Variable y) => tape.Push(y, dY => Kernels.Operations.Gelu.Backward(dY, x.Value, tape.Only(x)));

    /// <summary>silu(x + shared), the shared vector of each image over its rows; plain SiLU without one. See <see cref="Kernels.Operations.AddSilu"/>.</summary>
    public static Variable AddSilu(this Tape tape, Variable x, Variable? shared)
    {
        int rowsPerGroup = shared is null ? 1 : x.Shape.Rows / shared.Shape.Rows;
        var y = tape.Output(x.Shape, x.Value.Type, true);
        Kernels.Operations.AddSilu.Forward(x.Value, shared?.Value, rowsPerGroup, y.Value);
        tape.Push(y, dY =>
        {
            bool accumulateShared = false;
            var dX = tape.Target(x, out bool accumulateX);
            var dShared = shared is null ? null : tape.Target(shared, out accumulateShared);
            Kernels.Operations.AddSilu.Backward(dY, x.Value, shared?.Value, rowsPerGroup, dX, accumulateX, dShared, accumulateShared);
        });
        return y;
    }

    /// <summary>Queries (part 0) or keys (part 1) from qkv [B, L, 3, h, hd]: normalised and rotated, [B, L, h, hd]. See <see cref="Kernels.Operations.NormRotate"/>.</summary>
    public static Variable NormRotate(this Tape tape, Variable qkv, int part, Parameter weight, RotaryTable table)
    {
        int batch = qkv.Shape[0], tokens = qkv.Shape[1], heads = qkv.Shape[3], width = qkv.Shape[4];
        if (table.Cos.Shape != [tokens, width]) throw new ShapeException($"a rotary table {table.Cos.Shape} does not fit qkv {qkv.Shape}");
        var y = tape.Output([batch, tokens, heads, width], qkv.Value.Type, true);
        var rstd = tape.Allocate([batch, tokens, heads]);
        Kernels.Operations.NormRotate.Forward(qkv.Value, part, weight.Value, table, y.Value, rstd);
        tape.Push(y, dY => Kernels.Operations.NormRotate.Backward(dY, qkv.Value, part, weight.Value, table, rstd, tape.TargetPart(qkv, part, 3)!, weight.Gradient), rstd);
        return y;
    }

    /// <summary>Attention of q, k [B, L, h, hd] over the values in qkv [B, L, 3, h, hd]; [B, L, h, hd]. See <see cref="Kernels.Operations.Attention"/>.</summary>
    public static Variable Attention(this Tape tape, Variable q, Variable k, Variable qkv)
    {
        var sizes = new AttentionSizes(q.Shape[0], q.Shape[1], q.Shape[2], q.Shape[3]);
        var o = tape.Output(q.Shape, q.Value.Type, true);
        var lse = tape.Allocate([sizes.Batch, sizes.Heads, sizes.Tokens]);
        var precision = tape.Precision;
        Kernels.Operations.Attention.Forward(HeadView.Of(q.Value), HeadView.Of(k.Value), HeadView.PartOf(qkv.Value, 2), sizes, HeadView.Of(o.Value), lse, precision);
        tape.Push(o, dO => Kernels.Operations.Attention.Backward(
            HeadView.Of(dO), HeadView.Of(q.Value), HeadView.Of(k.Value), HeadView.PartOf(qkv.Value, 2), HeadView.Of(o.Value), lse, sizes,
            HeadView.Of(tape.Only(q)), HeadView.Of(tape.Only(k)), HeadView.PartOf(tape.TargetPart(qkv, 2, 3)!, 2), precision), lse);
        return o;
    }

    /// <summary>
    /// Attention over a joint sequence, text before image, of q, k [B, n, h, hd] and [B, L, h, hd] over the values in qkv [B, n, 3, h, hd] and [B, L, 3, h, hd]; the results of both. Nothing is
    /// joined in memory. See <see cref="Kernels.Operations.Attention"/>.
    /// </summary>
    public static (Variable Text, Variable Image) JointAttention(this Tape tape, (Variable Q, Variable K, Variable Qkv) text, (Variable Q, Variable K, Variable Qkv) image)
    {
        int words = text.Q.Shape[1];
        var sizes = new AttentionSizes(image.Q.Shape[0], words + image.Q.Shape[1], image.Q.Shape[2], image.Q.Shape[3]);
        HeadView Joint(Tensor first, Tensor second) => HeadView.Of(first).Then(words, HeadView.Of(second));
        HeadView Values(Tensor first, Tensor second) => HeadView.PartOf(first, 2).Then(words, HeadView.PartOf(second, 2));

        Variable oText = tape.Output(text.Q.Shape, text.Q.Value.Type, true), oImage = tape.Output(image.Q.Shape, image.Q.Value.Type, true);
        var lse = tape.Allocate([sizes.Batch, sizes.Heads, sizes.Tokens]);
        var precision = tape.Precision;
        Kernels.Operations.Attention.Forward(
            Joint(text.Q.Value, image.Q.Value), Joint(text.K.Value, image.K.Value), Values(text.Qkv.Value, image.Qkv.Value), sizes, Joint(oText.Value, oImage.Value), lse, precision);
        tape.Push(oText, oImage, (dText, dImage) =>
        {
            // The last block's text goes nowhere.
            using var none = dText is null ? tape.Device.Allocate(oText.Shape, oText.Value.Type) : dImage is null ? tape.Device.Allocate(oImage.Shape, oImage.Value.Type) : null;
            none?.Clear();
            Kernels.Operations.Attention.Backward(
                Joint(dText ?? none!, dImage ?? none!), Joint(text.Q.Value, image.Q.Value), Joint(text.K.Value, image.K.Value), Values(text.Qkv.Value, image.Qkv.Value),
                Joint(oText.Value, oImage.Value), lse, sizes, Joint(tape.Only(text.Q), tape.Only(image.Q)), Joint(tape.Only(text.K), tape.Only(image.K)),
                Values(tape.TargetPart(text.Qkv, 2, 3)!, tape.TargetPart(image.Qkv, 2, 3)!), precision);
        }, lse);
        return (oText, oImage);
    }

    /// <summary>x in float32: itself where it is stored so. See <see cref="Kernels.Operations.Widen"/>.</summary>
    public static Variable Widen(this Tape tape, Variable x)
    {
        if (x.Value.Type == ElementType.Single) return x;
        var y = tape.Output(x.Shape, ElementType.Single, x.RequiresGradient);
        Kernels.Operations.Widen.Forward(x.Value, y.Value);
        tape.Push(y, dY =>
        {
            if (tape.Target(x, out bool accumulate) is { } dX) Kernels.Operations.Widen.Backward(dY, dX, accumulate);
        });
        return y;
    }

    /// <summary>Image [B, C, H, W] → patches [B, L, C·P]. See <see cref="Patches"/>.</summary>
    public static Variable Patchify(this Tape tape, Variable image, int patch, ElementType type = ElementType.Single)
    {
        var (batch, channels, height, width) = (image.Shape[0], image.Shape[1], image.Shape[2], image.Shape[3]);
        var y = tape.Output([batch, height / patch * (width / patch), channels * patch * patch], type, image.RequiresGradient);
        Patches.ToPatches(image.Value, patch, y.Value);
        tape.Push(y, dY =>
        {
            if (tape.Target(image, out bool accumulate) is { } dImage) Patches.FromPatches(dY, patch, dImage, accumulate);
        });
        return y;
    }

    /// <summary>Image [B, C, H, W] → pixel rows [B·L, P, C]. See <see cref="Patches"/>.</summary>
    public static Variable ToPixels(this Tape tape, Variable image, int patch, ElementType type = ElementType.Single)
    {
        var (batch, channels, height, width) = (image.Shape[0], image.Shape[1], image.Shape[2], image.Shape[3]);
        var y = tape.Output([batch * (height / patch) * (width / patch), patch * patch, channels], type, image.RequiresGradient);
        Patches.ToPixels(image.Value, patch, y.Value);
        tape.Push(y, dY =>
        {
            if (tape.Target(image, out bool accumulate) is { } dImage) Patches.FromPixels(dY, patch, dImage, accumulate);
        });
        return y;
    }

    /// <summary>Pixel rows [B·L, P, C] → image [B, C, H, W], float32. See <see cref="Patches"/>.</summary>
    public static Variable ToImage(this Tape tape, Variable pixels, int patch, Shape image)
    {
        var y = tape.Output(image, ElementType.Single, pixels.RequiresGradient);
        Patches.FromPixels(pixels.Value, patch, y.Value, accumulate: false);
        tape.Push(y, dY => Patches.ToPixels(dY, patch, tape.Only(pixels)));
        return y;
    }

    /// <summary>x [B·R, d] + positions [R, d]. See <see cref="Kernels.Operations.AddPositions"/>.</summary>
    public static Variable AddPositions(this Tape tape, Variable x, Tensor positions)
    {
        var y = tape.Output(x.Shape, x.Value.Type, x.RequiresGradient);
        Kernels.Operations.AddPositions.Forward(x.Value, positions, y.Value);
        tape.Push(y, _ => tape.Pass(y, x));
        return y;
    }

    /// <summary>x [B, n, D] + the first n rows of a trained table [1, N, D]. See <see cref="Kernels.Operations.AddPositions"/>.</summary>
    public static Variable AddPositions(this Tape tape, Variable x, Parameter positions)
    {
        Shape rows = [x.Shape[1], x.Shape[2]];
        var y = tape.Output(x.Shape, x.Value.Type, true);
        Kernels.Operations.AddPositions.Forward(x.Value, positions.Value.Slice(0, rows), y.Value);
        tape.Push(y, dY =>
        {
            if (positions.Gradient is { } dPositions) MatMul.BackwardBias(dY, dPositions.Slice(0, [x.Shape[1] * x.Shape[2]]));
            tape.Pass(y, x);
        });
        return y;
    }

    /// <summary>The first <paramref name="tokens"/> tokens of x [B, n, w], as activations are stored; x in float32. See <see cref="Kernels.Operations.Narrow"/>.</summary>
    public static Variable Narrow(this Tape tape, Variable x, int tokens, ElementType type = ElementType.Single)
    {
        var y = tape.Output([x.Shape[0], tokens, x.Shape[2]], type, x.RequiresGradient);
        Kernels.Operations.Narrow.Forward(x.Value, y.Value);
        tape.Push(y, dY => Kernels.Operations.Narrow.Backward(dY, tape.Only(x)));
        return y;
    }

    /// <summary>Rows of a table [K, n] for labels [B]; [B, n]. See <see cref="Kernels.Operations.Embedding"/>.</summary>
    public static Variable Embedding(this Tape tape, Parameter table, Tensor labels)
    {
        var y = tape.Output([checked((int)labels.Count), table.Shape[1]], ElementType.Single, true);
        Kernels.Operations.Embedding.Forward(table.Value, labels, y.Value);
        tape.Push(y, dY =>
        {
            if (table.Gradient is { } dTable) Kernels.Operations.Embedding.Backward(dY, labels, dTable);
        });
        return y;
    }

    /// <summary>The sines and cosines of t [B]; [B, 256]. See <see cref="Kernels.Operations.TimestepEmbedding"/>.</summary>
    public static Variable TimestepEmbedding(this Tape tape, Tensor t, Tensor frequencies)
    {
        var y = tape.Output([checked((int)t.Count), 2 * Kernels.Operations.TimestepEmbedding.Frequencies], ElementType.Single, false);
        Kernels.Operations.TimestepEmbedding.Forward(t, frequencies, y.Value);
        return y;
    }

    /// <summary>The mean of (x − target)²; [1]. See <see cref="Kernels.Operations.MeanSquaredError"/>.</summary>
    public static Variable MeanSquaredError(this Tape tape, Variable x, Tensor target)
    {
        var loss = tape.Output([1], ElementType.Single, true);
        Kernels.Operations.MeanSquaredError.Forward(x.Value, target, loss.Value);
        tape.Push(loss, dLoss => Kernels.Operations.MeanSquaredError.Backward(dLoss, x.Value, target, tape.Only(x)));
        return loss;
    }

    /// <summary>The gradient of an input that an operation cannot do without.</summary>
    private static Tensor Required(this Tape tape, Variable input, out bool accumulate)
        => tape.Target(input, out accumulate) ?? throw new InvalidOperationException($"the input {input.Shape} of this operation must require a gradient");

    /// <summary>The gradient of an input that has no other consumer, to be written whole.</summary>
    private static Tensor Only(this Tape tape, Variable input)
    {
        var target = tape.Target(input, out bool accumulate);
        return accumulate || target is null ? throw new InvalidOperationException($"the gradient {input.Shape} of an operation that writes it has another writer or no reader") : target;
    }
}
