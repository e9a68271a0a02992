using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Layers;

/// <summary>y = x·Wᵀ + b (SPEC §2).</summary>
/// <param name="parameters">Where <c>name.weight</c> [out, in] and <c>name.bias</c> [out] are declared.</param>
/// <param name="name">The released name.</param>
/// <param name="inputs">in.</param>
/// <param name="outputs">out.</param>
/// <param name="bias">Whether there is a bias.</param>
/// <param name="beside">Whether it is trained beside the model and is no part of it.</param>
public sealed class Linear(ParameterSet parameters, string name, int inputs, int outputs, bool bias = true, bool beside = false)
{
    /// <summary>[out, in].</summary>
    public Parameter Weight { get; } = parameters.Add($"{name}.weight", [outputs, inputs], beside);

    /// <summary>[out], or null.</summary>
    public Parameter? Bias { get; } = bias ? parameters.Add($"{name}.bias", [outputs], beside) : null;

    /// <summary>Rows of in → rows of out, in x's shape with its last dimension replaced, or in <paramref name="shape"/>.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">Rows of in.</param>
    /// <param name="shape">The output's shape, or null.</param>
    /// <param name="precision">What x and W are rounded to; null means the tape's.</param>
    public Variable Forward(Tape tape, Variable x, Shape? shape = null, Precision? precision = null) => tape.Linear(x, Weight, Bias, shape, precision);

    /// <summary>stream + gate·(x·Wᵀ + b), in the stream's shape.</summary>
    public Variable Forward(Tape tape, Variable x, Gated into) => tape.LinearGate(x, Weight, Bias, into);
}
