using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Layers;

/// <summary>Self-attention with normalised, rotated queries and keys (SPEC §2).</summary>
/// <param name="parameters">Where <c>qkv.weight</c> [3D, D], <c>q_norm.weight</c> and <c>k_norm.weight</c> [hd], <c>proj.weight</c> [D, D] and <c>proj.bias</c> [D] are declared.</param>
/// <param name="name">The released name, such as <c>patch_blocks.0.attn</c>.</param>
/// <param name="width">D.</param>
/// <param name="heads">h; hd = D / h.</param>
public sealed class RotaryAttention(ParameterSet parameters, string name, int width, int heads)
{
    private readonly Linear _qkv = new(parameters, $"{name}.qkv", width, 3 * width, bias: false);
    private readonly Parameter _qNorm = parameters.Add($"{name}.q_norm.weight", [width / heads]);
    private readonly Parameter _kNorm = parameters.Add($"{name}.k_norm.weight", [width / heads]);
    private readonly Linear _proj = new(parameters, $"{name}.proj", width, width);
    private readonly string _qkvStep = $"{name}.qkv", _q = $"{name}.q", _k = $"{name}.k", _out = $"{name}.out";

    /// <summary>x [B, L, D] → [B, L, D].</summary>
    public Variable Forward(Tape tape, Variable x, RotaryTable positions) => _proj.Forward(tape, Attend(tape, x, positions), x.Shape);

    /// <summary>x [B, L, D] → stream + gate·attention, [B, L, D].</summary>
    public Variable Forward(Tape tape, Variable x, RotaryTable positions, Gated into) => _proj.Forward(tape, Attend(tape, x, positions), into);

    private Variable Attend(Tape tape, Variable x, RotaryTable positions)
    {
        int batch = x.Shape[0], tokens = x.Shape[1];
        var qkv = _qkv.Forward(tape, x, [batch, tokens, 3, heads, width / heads]);
        tape.Step(_qkvStep, qkv);
        var q = tape.NormRotate(qkv, 0, _qNorm, positions);                          // [B, L, h, hd]
        var k = tape.NormRotate(qkv, 1, _kNorm, positions);                          // [B, L, h, hd]
        tape.Step(_q, q);
        tape.Step(_k, k);
        var o = tape.Attention(q, k, qkv);                                           // [B, L, h, hd]
        tape.Step(_out, o);
        return o;
    }
}
