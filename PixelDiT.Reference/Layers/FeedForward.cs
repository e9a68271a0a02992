using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Layers;

/// <summary>The patch level's SwiGLU, w2(silu(w1 x) ⊙ w3 x), without biases (SPEC §2).</summary>
/// <param name="parameters">Where <c>w1.weight</c>, <c>w3.weight</c> [F, D] and <c>w2.weight</c> [D, F] are declared.</param>
/// <param name="name">The released name.</param>
/// <param name="width">D.</param>
/// <param name="inner">F.</param>
public sealed class FeedForward(ParameterSet parameters, string name, int width, int inner)
{
    private readonly Linear _w1 = new(parameters, $"{name}.w1", width, inner, bias: false);
    private readonly Linear _w3 = new(parameters, $"{name}.w3", width, inner, bias: false);
    private readonly Linear _w2 = new(parameters, $"{name}.w2", inner, width, bias: false);

    /// <summary>x [.., D] → [.., D].</summary>
    public Variable Forward(Tape tape, Variable x) => _w2.Forward(tape, Inner(tape, x));

    /// <summary>x [.., D] → stream + gate·feed-forward, [.., D].</summary>
    public Variable Forward(Tape tape, Variable x, Gated into) => _w2.Forward(tape, Inner(tape, x), into);

    private Variable Inner(Tape tape, Variable x) => tape.LinearSwiGlu(x, _w1.Weight, _w3.Weight);
}

/// <summary>The pixel level's MLP: Linear d→4d, exact GELU, Linear 4d→d (SPEC §2).</summary>
/// <param name="parameters">Where <c>fc1</c> and <c>fc2</c>, weights and biases, are declared.</param>
/// <param name="name">The released name.</param>
/// <param name="width">d.</param>
/// <param name="inner">4d.</param>
public sealed class Mlp(ParameterSet parameters, string name, int width, int inner)
{
    private readonly Linear _fc1 = new(parameters, $"{name}.fc1", width, inner);
    private readonly Linear _fc2 = new(parameters, $"{name}.fc2", inner, width);

    /// <summary>x [.., d] → [.., d].</summary>
    public Variable Forward(Tape tape, Variable x) => tape.GeluMlp(x, _fc1.Weight, _fc1.Bias!, _fc2.Weight, _fc2.Bias!);

    /// <summary>x [.., d] → stream + gate·MLP, [.., d].</summary>
    public Variable Forward(Tape tape, Variable x, Gated into) => tape.GeluMlp(x, _fc1.Weight, _fc1.Bias!, _fc2.Weight, _fc2.Bias!, into);
}
