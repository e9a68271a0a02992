using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>How far each kind of result may lie from the authors' float32 tensors, relative to the tensor's largest magnitude unless it says otherwise.</summary>
internal sealed record ConformanceTolerances
{
    /// <summary>Outputs of single modules.</summary>
    public required double ModuleOutput { get; init; }

    /// <summary>Gradients of single modules.</summary>
    public required double ModuleGradient { get; init; }

    /// <summary>Stages and output of a model.</summary>
    public required double Activation { get; init; }

    /// <summary>Gradients of a model.</summary>
    public required double Gradient { get; init; }

    /// <summary>Losses.</summary>
    public required double Loss { get; init; }

    /// <summary>Norms of all gradients.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>‖θ − θ_ref‖ / ‖θ_ref − θ_start‖ after ten steps, over all parameters.</summary>
    public required double Update { get; init; }

    /// <summary>The same for one tensor.</summary>
    public required double TensorUpdate { get; init; }

    /// <summary>States of a trajectory.</summary>
    public required double State { get; init; }

    /// <summary>Slopes of a trajectory.</summary>
    public required double Slope { get; init; }

    /// <summary>Levels by which a byte of an image may differ; one more where its value lies within 1e-3 of a rounding edge.</summary>
    public required int Levels { get; init; }

    /// <summary>
    /// Float32. Independent implementations measured against the same tensors: module outputs 8e-7, their gradients 2.7e-6; activations 2.4e-6, gradients 9e-6 (a float32 sum over
    /// some hundred terms in another order moves that far); losses 6e-7 and norms 1.5e-5, a mean of many squares and the root of a sum of them; states 6e-7, slopes 5e-6.
    /// AdamW divides by the gradient's own size, so one near zero may flip its sign and move a weight by twice the step: updates 7e-5 together, 8e-4 for a tensor, 1.1e-3 for its
    /// average. The tolerances leave room for other instruction sets.
    /// </summary>
    public static ConformanceTolerances Single { get; } = new()
    {
        ModuleOutput = 2e-6,
        ModuleGradient = 5e-6,
        Activation = 1e-5,
        Gradient = 2e-5,
        Loss = 1e-5,
        GradientNorm = 5e-5,
        Update = 3e-4,
        TensorUpdate = 3e-3,
        State = 1e-5,
        Slope = 2e-5,
        Levels = 0
    };

    /// <summary>Operands rounded to TF32 (2⁻¹¹ = 4.9e-4): about three times what a CPU that imitates it measured.</summary>
    public static ConformanceTolerances TensorFloat32 { get; } = new()
    {
        ModuleOutput = 3e-3,
        ModuleGradient = 9e-3,
        Activation = 7e-3,
        Gradient = 3.5e-2,
        Loss = 1.3e-3,
        GradientNorm = 9e-3,
        Update = 9e-2,
        TensorUpdate = 0.5,
        State = 4e-3,
        Slope = 1.6e-2,
        Levels = 3
    };

    /// <summary>Operands and activations rounded to bfloat16 (2⁻⁸ = 3.9e-3): about three times what a CPU that imitates it measured.</summary>
    public static ConformanceTolerances BFloat16 { get; } = new()
    {
        ModuleOutput = 2.5e-2,
        ModuleGradient = 0.11,
        Activation = 0.12,
        Gradient = 0.27,
        Loss = 1.6e-2,
        GradientNorm = 0.22,
        Update = 0.25,
        TensorUpdate = 0.95,
        State = 2.6e-2,
        Slope = 0.15,
        Levels = 12
    };

    /// <summary>The table of a precision.</summary>
    public static ConformanceTolerances For(Precision precision) => precision switch
    {
        Precision.TensorFloat32 => TensorFloat32,
        Precision.BFloat16 => BFloat16,
        _ => Single
    };
}
