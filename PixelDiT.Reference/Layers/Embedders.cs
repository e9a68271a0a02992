using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Layers;

/// <summary>The timestep's embedding: sines and cosines, Linear 256→D, SiLU, Linear D→D (SPEC §2).</summary>
/// <param name="device">Where the frequencies live.</param>
/// <param name="parameters">Where <c>mlp.0</c> and <c>mlp.2</c>, weights and biases, are declared.</param>
/// <param name="name">The released name.</param>
/// <param name="width">D.</param>
public sealed class TimestepEmbedder(Device device, ParameterSet parameters, string name, int width) : IDisposable
{
    private readonly Linear _first = new(parameters, $"{name}.mlp.0", 2 * Kernels.Operations.TimestepEmbedding.Frequencies, width);
    private readonly Linear _second = new(parameters, $"{name}.mlp.2", width, width);
    private readonly Tensor _frequencies = device.Upload(Kernels.Operations.TimestepEmbedding.FrequencyTable(), [Kernels.Operations.TimestepEmbedding.Frequencies]);

    /// <summary>t [B] → [B, D], in float32 whatever the precision.</summary>
    public Variable Forward(Tape tape, Tensor t)
        => _second.Forward(tape, tape.AddSilu(_first.Forward(tape, tape.TimestepEmbedding(t, _frequencies), precision: Precision.Single), null), precision: Precision.Single);

    /// <summary>Frees the frequencies.</summary>
    public void Dispose() => _frequencies.Dispose();
}

/// <summary>A vector for each class and one, the last, for "no class" (SPEC §3.2).</summary>
/// <param name="parameters">Where <c>embedding_table.weight</c> [classes + 1, D] is declared.</param>
/// <param name="name">The released name.</param>
/// <param name="classes">Classes, the null class not counted.</param>
/// <param name="width">D.</param>
public sealed class ClassEmbedder(ParameterSet parameters, string name, int classes, int width)
{
    private readonly Parameter _table = parameters.Add($"{name}.embedding_table.weight", [classes + 1, width]);

    /// <summary>Labels [B] → [B, D].</summary>
    public Variable Forward(Tape tape, Tensor labels) => tape.Embedding(_table, labels);
}

/// <summary>Pixels as tokens: Linear C→d at every pixel plus the fixed position embedding, regrouped by patch (SPEC §3.5).</summary>
/// <param name="parameters">Where <c>proj.weight</c> [d, C] and <c>proj.bias</c> are declared.</param>
/// <param name="name">The released name.</param>
/// <param name="channels">C.</param>
/// <param name="width">d.</param>
/// <param name="patch">p.</param>
public sealed class PixelEmbedder(ParameterSet parameters, string name, int channels, int width, int patch)
{
    private readonly Linear _proj = new(parameters, $"{name}.proj", channels, width);

    /// <summary>Image [B, C, H, W] → [B·L, P, d].</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="image">The image.</param>
    /// <param name="positions">The embedding [L·P, d], from <see cref="Kernels.Operations.AddPositions.Table"/>.</param>
    public Variable Forward(Tape tape, Variable image, Tensor positions)
        => tape.AddPositions(_proj.Forward(tape, tape.ToPixels(image, patch, tape.Storage)), positions);
}

/// <summary>The head: RMSNorm(d), Linear d→C, regrouped to an image (SPEC §3.6).</summary>
/// <param name="parameters">Where <c>norm.weight</c> [d] and <c>linear</c>, weight and bias, are declared.</param>
/// <param name="name">The released name.</param>
/// <param name="width">d.</param>
/// <param name="channels">C.</param>
public sealed class FinalLayer(ParameterSet parameters, string name, int width, int channels)
{
    private readonly Norm _norm = new(parameters, $"{name}.norm", width);
    private readonly Linear _linear = new(parameters, $"{name}.linear", width, channels);

    /// <summary>[B·L, P, d] → [B·L, P, C].</summary>
    public Variable Forward(Tape tape, Variable pixels) => _linear.Forward(tape, _norm.Forward(tape, pixels));
}

/// <summary>The head of a model without a pixel level, as DiT has it: modulate(RMSNorm(D), shift, scale), then Linear D→P·C, the channels of a pixel side by side.</summary>
/// <param name="parameters">Where <c>norm.weight</c> [D], <c>linear</c> and <c>adaLN_modulation.0</c>, weights and biases, are declared.</param>
/// <param name="name">The released name.</param>
/// <param name="width">D.</param>
/// <param name="pixels">P.</param>
/// <param name="channels">C.</param>
public sealed class PatchHead(ParameterSet parameters, string name, int width, int pixels, int channels)
{
    private const int Shift = 0, Scale = 1;

    private readonly Norm _norm = new(parameters, $"{name}.norm", width);
    private readonly Linear _linear = new(parameters, $"{name}.linear", width, pixels * channels);
    private readonly Linear _adaLN = new(parameters, $"{name}.adaLN_modulation.0", width, 2 * width);

    /// <summary>s [B, L, D], c [B, D] → [B·L, P, C].</summary>
    public Variable Forward(Tape tape, Variable s, Variable c)
    {
        var modulation = _adaLN.Forward(tape, c);                                                                             // [B, 2·D]
        tape.Step($"{name}.modulation", modulation);
        var modulated = _norm.Forward(tape, s, Chunks.Of(modulation, 2, rowsPerModulation: s.Shape[1]), Shift, Scale);         // [B, L, D]
        return _linear.Forward(tape, modulated, [s.Shape[0] * s.Shape[1], pixels, channels]);
    }
}
