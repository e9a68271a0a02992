using PixelDiT.Kernels.Machine;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>
/// How far each kind of result may lie from the authors' float32 tensors, relative to the tensor's largest magnitude unless it says otherwise: a row for each kind, a column for each precision (float32, TF32, bfloat16).
/// <para>
/// Float32: independent implementations measured against the same tensors: module outputs 8e-7, their gradients 2.7e-6; activations 2.4e-6, gradients 9e-6 (a float32 sum over
/// some hundred terms in another order moves that far); losses 6e-7 and norms 1.5e-5, a mean of many squares and the root of a sum of them; states 6e-7, velocities 5e-6.
/// AdamW divides by the gradient's own size, so one near zero may flip its sign and move a weight by twice the step: updates 7e-5 together, 8e-4 for a tensor, 1.1e-3 for its
/// average. The tolerances leave room for other instruction sets.
/// </para>
/// <para>TF32 rounds operands by 2⁻¹¹ = 4.9e-4, bfloat16 operands and activations by 2⁻⁸ = 3.9e-3: about three times what a CPU that imitates them measured.</para>
/// </summary>
internal sealed class ConformanceTolerances(Precision precision)
{
    /// <summary>Those of float32.</summary>
    public static ConformanceTolerances Single { get; } = new(Precision.Single);

    /// <summary>Outputs of single modules.</summary>
    public double ModuleOutput { get; } = Of(precision, 2e-6, 3e-3, 2.5e-2);

    /// <summary>Gradients of single modules.</summary>
    public double ModuleGradient { get; } = Of(precision, 5e-6, 9e-3, 0.11);

    /// <summary>Stages and output of a model.</summary>
    public double Activation { get; } = Of(precision, 1e-5, 7e-3, 0.12);

    /// <summary>Gradients of a model.</summary>
    public double Gradient { get; } = Of(precision, 2e-5, 3.5e-2, 0.27);

    /// <summary>Stages and output of a text model: arguments of cosines and sines up to 1000 lose digits in float32; independent implementations measured 3e-5.</summary>
    public double TextActivation { get; } = Of(precision, 1e-4, 7e-3, 0.12);

    /// <summary>Gradients of a text model; independent implementations measured 9e-5.</summary>
    public double TextGradient { get; } = Of(precision, 2.5e-4, 3.5e-2, 0.27);

    /// <summary>Losses.</summary>
    public double Loss { get; } = Of(precision, 1e-5, 1.3e-3, 1.6e-2);

    /// <summary>Norms of all gradients.</summary>
    public double GradientNorm { get; } = Of(precision, 5e-5, 9e-3, 0.22);

    /// <summary>‖θ − θ_ref‖ / ‖θ_ref − θ_start‖ after ten steps, over all parameters.</summary>
    public double Update { get; } = Of(precision, 3e-4, 9e-2, 0.25);

    /// <summary>The same for one tensor.</summary>
    public double TensorUpdate { get; } = Of(precision, 3e-3, 0.5, 0.95);

    /// <summary>Norms of a text model's gradients; independent implementations measured 6e-5.</summary>
    public double TextGradientNorm { get; } = Of(precision, 2e-4, 9e-3, 0.22);

    /// <summary>‖θ − θ_ref‖ / ‖θ_ref − θ_start‖ after ten steps of CAME, and of its average; independent implementations measured 4e-5. Single tensors, whose gradients may be near zero, are not told apart.</summary>
    public double TextUpdate { get; } = Of(precision, 2e-4, 9e-2, 0.25);

    /// <summary>States of a trajectory.</summary>
    public double State { get; } = Of(precision, 1e-5, 4e-3, 2.6e-2);

    /// <summary>States of a text model's trajectory: its velocity's own tolerance; independent implementations measured 1e-5.</summary>
    public double TextState { get; } = Of(precision, 1e-4, 7e-3, 0.12);

    /// <summary>States of a text encoder that computed and stored them in bfloat16: a fully bfloat16 run of a small model lies 3.3e-2 from float32 arithmetic on the same weights, measured by an independent implementation.</summary>
    public double StateInBFloat16 { get; } = 6e-2;

    /// <summary>Velocities of a trajectory.</summary>
    public double Velocity { get; } = Of(precision, 2e-5, 1.6e-2, 0.15);

    /// <summary>States of an edit by a text model; independent implementations measured 1e-5.</summary>
    public double EditState { get; } = Of(precision, 5e-5, 7e-3, 0.12);

    /// <summary>What an edit by a text model has changed, a state less the source; independent implementations measured 2e-5.</summary>
    public double EditChange { get; } = Of(precision, 1e-4, 2e-2, 0.3);

    /// <summary>Velocities of an edit by a text model: a difference of guided velocities multiplies their own error, and independent implementations measured 4.8e-5.</summary>
    public double EditVelocity { get; } = Of(precision, 2e-4, 4e-2, 0.6);

    /// <summary>States, changes and velocities of an edit by a velocity in closed form, which no precision rounds; independent implementations measured 1.6e-7.</summary>
    public static double EditInClosedForm => 1e-6;

    /// <summary>Stages and tokens of the teacher; independent implementations measured 1.2e-6.</summary>
    public double Teacher { get; } = Of(precision, 3e-6, 7e-3, 0.12);

    /// <summary>The teacher's tokens of pictures that were prepared here; independent implementations measured 3.1e-6.</summary>
    public double TeacherToken { get; } = Of(precision, 1e-5, 7e-3, 0.12);

    /// <summary>The teacher's pictures, which no precision rounds; independent implementations measured 4.1e-6.</summary>
    public static double TeacherImage => 1e-5;

    /// <summary>The loss of an alignment; independent implementations measured 1.2e-7. Of a text model it is a mean of cosines of both signs, near zero, and relative to that.</summary>
    public double AlignmentLoss { get; } = Of(precision, 1e-6, 4.5e-3, 1.6e-2);

    /// <summary>Gradients of an alignment; independent implementations measured 6e-7.</summary>
    public double AlignmentGradient { get; } = Of(precision, 3e-6, 9e-3, 0.11);

    /// <summary>Losses of a step with an alignment; independent implementations measured 6e-8.</summary>
    public double AlignedLoss { get; } = Of(precision, 1e-6, 1.3e-3, 1.6e-2);

    /// <summary>Gradients of such a step; independent implementations measured 3.7e-6.</summary>
    public double AlignedGradient { get; } = Of(precision, 1e-5, 3.5e-2, 0.27);

    /// <summary>The norm of its gradients; independent implementations measured 2e-7.</summary>
    public double AlignedNorm { get; } = Of(precision, 2e-5, 9e-3, 0.22);

    /// <summary>Levels by which a byte of an image may differ; one more where its value lies within 1e-3 of a rounding edge.</summary>
    public int Levels { get; } = Of(precision, 0, 3, 12);

    private static T Of<T>(Precision precision, T single, T tensorFloat32, T bfloat16) => precision switch
    {
        Precision.TensorFloat32 => tensorFloat32,
        Precision.BFloat16 => bfloat16,
        _ => single
    };
}
