using PixelDiT.Kernels;
using PixelDiT.Kernels.Machine;

namespace PixelDiT.Reference.Text.Encoders;

/// <summary>How a text encoder runs.</summary>
public sealed record GemmaOptions
{
    /// <summary>
    /// c of the cap c·tanh(s/c) on attention scores, or null for none. The authors' text pipeline, run with the library they pin, has none, although Gemma-2 was trained with
    /// <see cref="GemmaConfig.TrainedSoftCap"/>.
    /// </summary>
    public double? SoftCap { get; init; }

    /// <summary>What the operands of products are rounded to; everything else is float32 in any case, and weights are never rounded in memory.</summary>
    public Precision Precision { get; init; } = Precision.Single;

    /// <summary>Reads a layer at a time from the file in every pass and frees it again: 1/26 of the memory of Gemma-2-2B, and the whole file read for each pass.</summary>
    public bool LowMemory { get; init; }

    /// <summary>Checks the cap.</summary>
    /// <exception cref="ConfigurationException">It is not above 0.</exception>
    internal void Validate()
    {
        if (SoftCap is { } cap && (!((float)cap > 0) || !float.IsFinite((float)cap))) throw new ConfigurationException($"the soft cap is {cap}; a number above 0 was expected, or none");
    }
}

/// <summary>How far an encoder is.</summary>
/// <param name="Layer">Layers that are done.</param>
/// <param name="Layers">Layers in all.</param>
/// <param name="Loading">Whether weights are being read before any pass; else a pass is computed.</param>
public readonly record struct GemmaProgress(int Layer, int Layers, bool Loading);
