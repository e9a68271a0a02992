using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Layers;

namespace PixelDiT.Reference.Models;

/// <summary>A transformer block over patch tokens, modulated by the condition c (SPEC §3.3).</summary>
/// <param name="parameters">Where the block's parameters are declared.</param>
/// <param name="name">The released name, <c>patch_blocks.i</c>.</param>
/// <param name="config">The model's sizes.</param>
public sealed class PatchBlock(ParameterSet parameters, string name, ModelConfig config)
{
    private const int Shift1 = 0, Scale1 = 1, Gate1 = 2, Shift2 = 3, Scale2 = 4, Gate2 = 5;

    private readonly Norm _norm1 = new(parameters, $"{name}.norm1", config.Hidden);
    private readonly RotaryAttention _attn = new(parameters, $"{name}.attn", config.Hidden, config.Heads);
    private readonly Norm _norm2 = new(parameters, $"{name}.norm2", config.Hidden);
    private readonly FeedForward _mlp = new(parameters, $"{name}.mlp", config.Hidden, config.FeedForward);
    private readonly Linear _adaLN = new(parameters, $"{name}.adaLN_modulation.0", config.Hidden, 6 * config.Hidden);

    /// <summary>s [B, L, D], c [B, D] → [B, L, D].</summary>
    public Variable Forward(Tape tape, Variable s, Variable c, RotaryTable positions) => tape.Block(on => Compute(on, s, c, positions));

    private Variable Compute(Tape tape, Variable s, Variable c, RotaryTable positions)
    {
        using var scope = tape.Begin();
        // snippet: block
        var modulation = _adaLN.Forward(tape, c);                                                                             // [B, 6·D]
        tape.Step($"{name}.modulation", modulation);
        var m = Chunks.Of(modulation, 6, rowsPerModulation: s.Shape[1]);
        s = _attn.Forward(tape, _norm1.Forward(tape, s, m, Shift1, Scale1), positions, new(s, m, Gate1, $"{name}.attn"));      // [B, L, D]
        return scope.Keep(_mlp.Forward(tape, _norm2.Forward(tape, s, m, Shift2, Scale2), new(s, m, Gate2, $"{name}.mlp")));   // [B, L, D]
        // end of snippet
    }
}
