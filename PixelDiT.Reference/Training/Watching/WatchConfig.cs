using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;

namespace PixelDiT.Reference.Training.Watching;

/// <summary>What people look at while a run trains. Nothing here changes what is trained.</summary>
public sealed record WatchConfig
{
    /// <summary>How pictures are drawn; null for none.</summary>
    public SamplingConfig? Sampling { get; init; }

    /// <summary>Steps between sample grids, which are kept in <c>samples/STEP.png</c>; 0 keeps none.</summary>
    public int SampleEvery { get; init; }

    /// <summary>Images that are not trained on, whose loss is measured; null for none.</summary>
    public TrainingData? HeldOut { get; init; }

    /// <summary>Steps between measurements of their loss; the last step is measured in any case.</summary>
    public int HeldOutEvery { get; init; } = 500;

    /// <summary>Whether sample grids carry what made them.</summary>
    public bool Metadata { get; init; } = true;

    /// <summary>Whether event files for TensorBoard are written.</summary>
    public bool WritesEvents { get; init; }

    /// <summary>Checks the numbers.</summary>
    /// <exception cref="ConfigurationException">One is out of its range, or grids are asked for and no way to draw them is given.</exception>
    public WatchConfig Validate()
    {
        if (HeldOutEvery < 1) throw new ConfigurationException($"held-out-every is {HeldOutEvery}; it must be at least 1");
        if (SampleEvery < 0) throw new ConfigurationException($"sample-every is {SampleEvery}; it must be 0 (at the end only) or above");
        return SampleEvery > 0 && Sampling is null ? throw new ConfigurationException($"sample-every is {SampleEvery}, and no pictures are drawn; with --sample-steps of 1 or more they are") : this;
    }

    /// <summary>Whether the loss of held-out images is measured after a step.</summary>
    internal bool MeasuresAfter(long step, long last) => HeldOut is not null && (step % HeldOutEvery == 0 || step == last);

    /// <summary>Whether a grid is drawn after a step.</summary>
    internal bool DrawsAfter(long step) => SampleEvery > 0 && step % SampleEvery == 0;
}
