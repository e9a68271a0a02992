using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Layers;

/// <summary>RMSNorm with its weight (SPEC §2), alone or with the modulation that follows it.</summary>
/// <param name="parameters">Where <c>name.weight</c> [n] is declared.</param>
/// <param name="name">The released name.</param>
/// <param name="width">n.</param>
public sealed class Norm(ParameterSet parameters, string name, int width)
{
    // patch_blocks.0.norm1 → patch_blocks.0.modulated1
    private readonly string _modulated = string.Concat(name.AsSpan(0, name.LastIndexOf('.') + 1), name[(name.LastIndexOf('.') + 1)..].Replace("norm", "modulated", StringComparison.Ordinal));

    /// <summary>[n].</summary>
    public Parameter Weight { get; } = parameters.Add($"{name}.weight", [width]);

    /// <summary>The normalised rows.</summary>
    public Variable Forward(Tape tape, Variable x)
    {
        var y = tape.RmsNorm(x, Weight);
        tape.Step(name, y);
        return y;
    }

    /// <summary>modulate(norm(x), shift, scale): one operation, or its two steps where one of them is traced.</summary>
    public Variable Forward(Tape tape, Variable x, Chunks modulation, int shift, int scale)
    {
        // snippet: fused
        if (FusedForms.NormModulate.Applies(new(tape, x.Value), name, _modulated)) return tape.NormModulate(x, Weight, modulation, shift, scale);
        var y = tape.Modulate(Forward(tape, x), modulation, shift, scale);
        tape.Step(_modulated, y);
        return y;
        // end of snippet
    }
}
