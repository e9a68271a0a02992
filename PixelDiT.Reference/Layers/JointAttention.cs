using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Layers;

/// <summary>
/// Attention over a text and an image together, each with projections and norms of its own (SPEC §6): the joint sequence is the text, then the image, and is nowhere joined in memory.
/// </summary>
/// <param name="parameters">Where <c>qkv_x</c>, <c>q_norm_x</c>, <c>k_norm_x</c> and <c>proj_x</c> of the image, and the same with y of the text, are declared.</param>
/// <param name="name">The released name, such as <c>patch_blocks.0.attn</c>.</param>
/// <param name="width">D.</param>
/// <param name="heads">h; hd = D / h.</param>
public sealed class JointAttention(ParameterSet parameters, string name, int width, int heads)
{
    private readonly Stream _image = new(parameters, name, "x", width, heads), _text = new(parameters, name, "y", width, heads);

    /// <summary>The stream of one of the two kinds of token.</summary>
    private sealed class Stream(ParameterSet parameters, string name, string kind, int width, int heads)
    {
        private readonly Linear _qkv = new(parameters, $"{name}.qkv_{kind}", width, 3 * width, bias: false);
        private readonly Parameter _qNorm = parameters.Add($"{name}.q_norm_{kind}.weight", [width / heads]), _kNorm = parameters.Add($"{name}.k_norm_{kind}.weight", [width / heads]);

        public Linear Proj { get; } = new(parameters, $"{name}.proj_{kind}", width, width);

        /// <summary>x [B, n, D] → q and k, normalised and rotated, [B, n, h, hd], and qkv [B, n, 3, h, hd].</summary>
        public (Variable Q, Variable K, Variable Qkv) Project(Tape tape, Variable x, RotaryTable positions)
        {
            var qkv = _qkv.Forward(tape, x, [x.Shape[0], x.Shape[1], 3, heads, width / heads]);
            tape.Step($"{name}.qkv_{kind}", qkv);
            Variable q = tape.NormRotate(qkv, 0, _qNorm, positions), k = tape.NormRotate(qkv, 1, _kNorm, positions);
            tape.Step($"{name}.q_{kind}", q);
            tape.Step($"{name}.k_{kind}", k);
            return (q, k, qkv);
        }
    }

    /// <summary>x [B, L, D] and y [B, n, D] → each stream + gate·attention.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">The image's tokens.</param>
    /// <param name="y">The text's tokens.</param>
    /// <param name="grid">RoPE on the patch grid.</param>
    /// <param name="line">RoPE along the text.</param>
    /// <param name="intoImage">What the image's attention is added to.</param>
    /// <param name="intoText">What the text's attention is added to.</param>
    public (Variable Image, Variable Text) Forward(Tape tape, Variable x, Variable y, RotaryTable grid, RotaryTable line, Gated intoImage, Gated intoText)
    {
        var (text, image) = tape.JointAttention(_text.Project(tape, y, line), _image.Project(tape, x, grid));       // [B, n, h, hd], [B, L, h, hd]
        tape.Step($"{name}.out_y", text);
        tape.Step($"{name}.out_x", image);
        return (_image.Proj.Forward(tape, image, intoImage), _text.Proj.Forward(tape, text, intoText));
    }
}
