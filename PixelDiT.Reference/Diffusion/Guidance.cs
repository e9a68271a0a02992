using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Diffusion;

/// <summary>Evaluates the velocity from noise to data for a whole batch.</summary>
/// <param name="x">[B, C, H, W] float32, the state; not to be changed.</param>
/// <param name="t">The shifted time of every image, from 0 (noise) to 1 (data).</param>
/// <param name="conditional">Whether the images have their classes; otherwise all have the null class.</param>
/// <param name="v">[B, C, H, W] float32, undefined on entry, to be written whole.</param>
public delegate void VelocityField(Tensor x, float t, bool conditional, Tensor v);

/// <summary>Evaluates both velocities of a batch in one pass of the model.</summary>
/// <param name="x">The state, as for <see cref="VelocityField"/>.</param>
/// <param name="t">The time.</param>
/// <param name="v">[B, C, H, W], the conditional velocity.</param>
/// <param name="u">[B, C, H, W], the unconditional one.</param>
public delegate void VelocityPair(Tensor x, float t, Tensor v, Tensor u);

/// <summary>
/// Classifier-free guidance inside an interval of time (SPEC §5): v = u + g·(c − u) where min &lt; t &lt; max, elsewhere c alone and u is not evaluated.
/// </summary>
/// <param name="field">c and u.</param>
/// <param name="config">g and the interval.</param>
/// <param name="unconditional">A buffer of the state's shape for u; null only where guidance is 1.</param>
/// <param name="cancel">Looked at before every pass of the field.</param>
/// <param name="pair">Evaluates c and u together where both are needed; null for one after the other.</param>
internal sealed class Guidance(VelocityField field, SamplingConfig config, Tensor? unconditional, CancellationToken cancel, VelocityPair? pair = null)
{
    /// <summary>v = the guided velocity of x at t.</summary>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public void Evaluate(Tensor x, float t, Tensor v)
    {
        cancel.ThrowIfCancellationRequested();
        var u = config.Guides(t) ? unconditional : null;
        if (u is not null && pair is not null) pair(x, t, v, u);
        else field(x, t, true, v);
        if (u is null) return;

        cancel.ThrowIfCancellationRequested();
        if (pair is null) field(x, t, false, u);
        Mix(v, u, config.Guidance);
    }

    /// <summary>v = u + g·(v − u).</summary>
    /// <param name="v">c on entry, the guided velocity on return.</param>
    /// <param name="u">The unconditional velocity.</param>
    /// <param name="guidance">g.</param>
    internal static void Mix(Tensor v, Tensor u, double guidance)
    {
        // In SPEC's order and not as (1 − g)·u + g·c: where c equals u the result is u to the bit.
        Combine.Forward(1, v, -1, u, v);
        Combine.Forward(1, u, (float)guidance, v, v);
    }
}
