using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Layers;

/// <summary>An encoder's states as text tokens: Linear, then RMSNorm (SPEC §6).</summary>
/// <param name="parameters">Where <c>proj</c>, weight [D, width] and bias, and <c>norm.weight</c> [D] are declared.</param>
/// <param name="name">The released name.</param>
/// <param name="width">The width of the states.</param>
/// <param name="hidden">D.</param>
public sealed class TextEmbedder(ParameterSet parameters, string name, int width, int hidden)
{
    private readonly Linear _proj = new(parameters, $"{name}.proj", width, hidden);
    private readonly Norm _norm = new(parameters, $"{name}.norm", hidden);

    /// <summary>[B, n, width] → [B, n, D].</summary>
    public Variable Forward(Tape tape, Variable text) => _norm.Forward(tape, _proj.Forward(tape, text));
}
