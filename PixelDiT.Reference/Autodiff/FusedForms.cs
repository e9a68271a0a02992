using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Autodiff;

/// <summary>One pass over memory in the place of several operations, and when it is taken.</summary>
/// <param name="Name">The method of <see cref="Differentiable"/> or <see cref="Fused"/>.</param>
/// <param name="Replaces">The operations it stands for, in their order; they are its oracle, and what runs where it does not.</param>
/// <param name="Condition">When it is taken, in words.</param>
/// <param name="When">The same of a place in a model.</param>
public sealed record FusedForm(string Name, IReadOnlyList<string> Replaces, string Condition, Func<FusionSite, bool> When)
{
    /// <summary>Whether the form is taken: its condition holds, and nobody wants to see a value between the operations that it replaces.</summary>
    /// <param name="site">Where in a model.</param>
    /// <param name="steps">The names of the values that the form does not make.</param>
    public bool Applies(FusionSite site, params ReadOnlySpan<string> steps) => !site.Tape.IsTraced(steps) && When(site);
}

/// <summary>A place in a model where a fused form could stand.</summary>
/// <param name="Tape">The tape, with its precision.</param>
/// <param name="X">What goes in.</param>
/// <param name="Weight">The shape [out, in] of the product's weight, where there is a product.</param>
/// <param name="Output">The shape of what comes out, where it is not rows of out.</param>
public readonly record struct FusionSite(Tape Tape, Tensor X, Shape? Weight = null, Shape? Output = null);

/// <summary>
/// Every fused form of the model, and the only place that decides between it and what it replaces. docs/4-autodiff.md shows this table; a test holds the two together.
/// Where a step inside a form is traced, the operations run one by one, with the same result to rounding.
/// </summary>
public static class FusedForms
{
    /// <summary>RMSNorm and modulation: the normalised rows are not written.</summary>
    public static FusedForm NormModulate { get; } = new("NormModulate", ["RmsNorm", "Modulate"], "always", _ => true);

    /// <summary>A CPU's pixel MLP, 64 rows at a time: the four times wider rows in the middle never leave the cache.</summary>
    public static FusedForm GeluMlp { get; } = new(
        "GeluMlp", ["Linear", "Gelu", "Linear"], "a CPU, in fp32", site => site.Tape.Precision == Precision.Single && Kernels.Operations.GeluMlp.Serves(site.X));

    /// <summary>The gate and the residual addition as the epilogue of a product.</summary>
    public static FusedForm LinearGate { get; } = new(
        "LinearGate", ["Linear", "Gate"], "a GPU with tensor cores, in bf16; out and the stream's channels multiples of 4", site => HasEpilogue(site) && site.Output!.Value[^1] % 4 == 0);

    /// <summary>GELU as the epilogue of a product.</summary>
    public static FusedForm LinearGelu { get; } = new("LinearGelu", ["Linear", "Gelu"], "a GPU with tensor cores, in bf16; out a multiple of 4", HasEpilogue);

    /// <summary>silu(a)·z as the epilogue of SwiGLU's second product.</summary>
    public static FusedForm LinearSwiGlu { get; } = new("LinearSwiGlu", ["Linear", "SwiGlu"], "a GPU with tensor cores, in bf16; out a multiple of 4", HasEpilogue);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FusedForm> All { get; } = [NormModulate, GeluMlp, LinearGate, LinearGelu, LinearSwiGlu];

    private static bool HasEpilogue(FusionSite site) => MatMulEpilogue.Serves(site.X, site.Weight!.Value, site.Tape.Precision);
}
