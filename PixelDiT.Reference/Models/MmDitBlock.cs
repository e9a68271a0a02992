using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Layers;

namespace PixelDiT.Reference.Models;

/// <summary>
/// An MM-DiT block (SPEC §6): patch tokens and text tokens are two streams with weights of their own, which meet in one attention. In the text model it stands in the patch block's place.
/// </summary>
/// <param name="parameters">Where the block's parameters are declared.</param>
/// <param name="name">The released name, <c>patch_blocks.i</c>.</param>
/// <param name="config">The model's sizes.</param>
/// <param name="isLast">Whether nothing reads the text that comes out; its last layers then get no gradient.</param>
public sealed class MmDitBlock(ParameterSet parameters, string name, ModelConfig config, bool isLast = false)
{
    private const int Shift1 = 0, Scale1 = 1, Gate1 = 2, Shift2 = 3, Scale2 = 4, Gate2 = 5;

    private readonly Norm _normX1 = new(parameters, $"{name}.norm_x1", config.Hidden), _normY1 = new(parameters, $"{name}.norm_y1", config.Hidden);
    private readonly JointAttention _attn = new(parameters, $"{name}.attn", config.Hidden, config.Heads);
    private readonly Norm _normX2 = new(parameters, $"{name}.norm_x2", config.Hidden), _normY2 = new(parameters, $"{name}.norm_y2", config.Hidden);
    private readonly FeedForward _mlpX = new(parameters, $"{name}.mlp_x", config.Hidden, config.FeedForward), _mlpY = new(parameters, $"{name}.mlp_y", config.Hidden, config.FeedForward);
    private readonly Linear _adaLNImage = new(parameters, $"{name}.adaLN_modulation_img.0", config.Hidden, 6 * config.Hidden);
    private readonly Linear _adaLNText = new(parameters, $"{name}.adaLN_modulation_txt.0", config.Hidden, 6 * config.Hidden);

    /// <summary>x [B, L, D], y [B, n, D], c [B, D] → x and y.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">Patch tokens.</param>
    /// <param name="y">Text tokens.</param>
    /// <param name="c">The condition.</param>
    /// <param name="grid">RoPE on the patch grid.</param>
    /// <param name="line">RoPE along the text.</param>
    public (Variable X, Variable Y) Forward(Tape tape, Variable x, Variable y, Variable c, RotaryTable grid, RotaryTable line)
        => tape.Block(on => Compute(on, x, y, c, grid, line));

    private (Variable X, Variable Y) Compute(Tape tape, Variable x, Variable y, Variable c, RotaryTable grid, RotaryTable line)
    {
        using var scope = tape.Begin();
        Variable modulationX = _adaLNImage.Forward(tape, c), modulationY = _adaLNText.Forward(tape, c);                       // [B, 6·D]
        modulationY.PartsAreOptional = isLast;
        tape.Step($"{name}.modulation_x", modulationX);
        tape.Step($"{name}.modulation_y", modulationY);
        Chunks mx = Chunks.Of(modulationX, 6, rowsPerModulation: x.Shape[1]), my = Chunks.Of(modulationY, 6, rowsPerModulation: y.Shape[1]);
        (x, y) = _attn.Forward(
            tape, _normX1.Forward(tape, x, mx, Shift1, Scale1), _normY1.Forward(tape, y, my, Shift1, Scale1), grid, line,
            new(x, mx, Gate1, $"{name}.attn_x"), new(y, my, Gate1, $"{name}.attn_y"));                                        // [B, L, D], [B, n, D]
        x = scope.Keep(_mlpX.Forward(tape, _normX2.Forward(tape, x, mx, Shift2, Scale2), new(x, mx, Gate2, $"{name}.mlp_x")));  // [B, L, D]
        y = scope.Keep(_mlpY.Forward(tape, _normY2.Forward(tape, y, my, Shift2, Scale2), new(y, my, Gate2, $"{name}.mlp_y")));  // [B, n, D]
        return (x, y);
    }
}
