using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Layers;

namespace PixelDiT.Reference.Models;

/// <summary>
/// A PiT block over pixel tokens (SPEC §3.5). Pixel-wise AdaLN: the condition of a patch makes different shifts, scales and gates for each of its P pixels.
/// Compaction: for attention a patch's P·d values become one token of width A, and are expanded again. The forms that the paper's ablations compare it with
/// (<see cref="PixelLevelKind"/>) leave out the one or the other.
/// </summary>
/// <param name="parameters">Where the block's parameters are declared.</param>
/// <param name="name">The released name, <c>pixel_blocks.j</c>.</param>
/// <param name="config">The model's sizes.</param>
public sealed class PixelBlock(ParameterSet parameters, string name, ModelConfig config)
{
    private readonly Linear _compress = new(parameters, $"{name}.compress_to_attn", config.AttentionTokenValues, config.PixelAttentionWidth);
    private readonly Linear _expand = new(parameters, $"{name}.expand_from_attn", config.PixelAttentionWidth, config.AttentionTokenValues);
    private readonly Norm _norm1 = new(parameters, $"{name}.norm1", config.PixelHidden);
    private readonly RotaryAttention _attn = new(parameters, $"{name}.attn", config.PixelAttentionWidth, config.PixelAttentionHeads);
    private readonly Norm _norm2 = new(parameters, $"{name}.norm2", config.PixelHidden);
    private readonly Mlp _mlp = new(parameters, $"{name}.mlp", config.PixelHidden, config.PixelMlp);
    private readonly Linear _adaLN = new(parameters, $"{name}.adaLN_modulation.0", config.Hidden, config.PatchModulation);

    /// <summary>u [B·L, P, d], s_cond [.., D] of B·L rows → [B·L, P, d].</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="u">The pixel tokens.</param>
    /// <param name="condition">s_cond.</param>
    /// <param name="batch">B.</param>
    /// <param name="positions">RoPE of the tokens of attention, on the patch grid or without compaction on that of pixels, for the width of this level's heads.</param>
    public Variable Forward(Tape tape, Variable u, Variable condition, int batch, RotaryTable positions) => tape.Block(on => Compute(on, u, condition, batch, positions));

    private Variable Compute(Tape tape, Variable u, Variable condition, int batch, RotaryTable positions)
    {
        using var scope = tape.Begin();
        // Gradients of a modulation that several pixels share are sums, which are taken in float32.
        if (config.PixelsPerModulation > 1) condition = tape.Widen(condition);
        var modulation = _adaLN.Forward(tape, condition, [u.Shape[0], config.PatchPixels / config.PixelsPerModulation, config.PixelModulation]);     // [B·L, P, 6·d], or 4·d
        tape.Step($"{name}.modulation", modulation);
        return scope.Keep(config.PostModulation ? PostModulated(tape, u, modulation, batch, positions) : PreModulated(tape, u, modulation, batch, positions));
    }

    private Variable PreModulated(Tape tape, Variable u, Variable modulation, int batch, RotaryTable positions)
    {
        const int shift1 = 0, scale1 = 1, gate1 = 2, shift2 = 3, scale2 = 4, gate2 = 5;
        // snippet: pixel-wise
        var m = Chunks.Of(modulation, 6, rowsPerModulation: config.PixelsPerModulation);
        u = _expand.Forward(tape, Attend(tape, _norm1.Forward(tape, u, m, shift1, scale1), batch, positions), new Gated(u, m, gate1, $"{name}.attn"));  // [B·L, P, d]
        return _mlp.Forward(tape, _norm2.Forward(tape, u, m, shift2, scale2), new Gated(u, m, gate2, $"{name}.mlp"));                                    // [B·L, P, d]
        // end of snippet
    }

    private Variable PostModulated(Tape tape, Variable u, Variable modulation, int batch, RotaryTable positions)
    {
        const int scale1 = 0, shift1 = 1, scale2 = 2, shift2 = 3;
        var m = Chunks.Of(modulation, 4, rowsPerModulation: config.PixelsPerModulation);
        var attention = _expand.Forward(tape, Attend(tape, _norm1.Forward(tape, u), batch, positions), u.Shape);         // [B·L, P, d]
        tape.Step($"{name}.attn", attention);
        u = tape.Modulate(attention, m, shift1, scale1, residual: u);
        var mlp = _mlp.Forward(tape, _norm2.Forward(tape, u));                                                           // [B·L, P, d]
        tape.Step($"{name}.mlp", mlp);
        return tape.Modulate(mlp, m, shift2, scale2, residual: u);
    }

    private Variable Attend(Tape tape, Variable x, int batch, RotaryTable positions)
    {
        // snippet: compaction
        var compact = _compress.Forward(tape, x, [batch, positions.Tokens, config.PixelAttentionWidth]);               // [B, L, A]
        tape.Step($"{name}.compact", compact);
        return _attn.Forward(tape, compact, positions);                                                                  // [B, L, A]
        // end of snippet
    }
}
