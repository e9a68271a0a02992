using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Diffusion;

namespace PixelDiT.Reference.Sampling;

/// <summary>Everything that decides the images of a sampling run. The batch is not among it: an image is the same in a batch of any size.</summary>
public sealed record SamplePlan
{
    /// <summary>The recipe that the settings come from; null for none.</summary>
    public SamplingRecipe? Recipe { get; init; }

    /// <summary>The sampler's settings.</summary>
    public SamplingConfig Sampling { get; init; } = new();

    /// <summary>The side of the images, a multiple of the model's patch.</summary>
    public required int Resolution { get; init; }

    /// <summary>The chosen classes, in the order of the images; one may be chosen more than once.</summary>
    public required IReadOnlyList<int> Classes { get; init; }

    /// <summary>The names of all the model's classes; empty where it has none.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>The label of "no class"; null where it is not known.</summary>
    public int? NullClass { get; init; }

    /// <summary>Images of each chosen class, which follow one another.</summary>
    public required int PerClass { get; init; }

    /// <summary>The first image's seed.</summary>
    public ulong Seed { get; init; }

    /// <summary>A seed for each image, in the place of <see cref="Seed"/>; null for none.</summary>
    public IReadOnlyList<ulong>? Seeds { get; init; }

    /// <summary>The <see cref="Models.Weights.WeightHash"/> of the model.</summary>
    public required string Weights { get; init; }

    /// <summary>What products round their operands to.</summary>
    public Precision Precision { get; init; }

    /// <summary>n, the images of the run.</summary>
    public long Count => (long)Classes.Count * PerClass;

    /// <summary>The class of image k.</summary>
    public int LabelOf(long k) => Classes[(int)(k / PerClass)];

    /// <summary>The seed of image k: the k-th of the list, or <see cref="Seed"/> + k.</summary>
    public ulong SeedOf(long k) => Seeds is null ? unchecked(Seed + (ulong)k) : Seeds[(int)k];

    /// <summary>The name of a class; null where the model has none.</summary>
    public string? NameOf(int label) => label == NullClass ? "none" : label < ClassNames.Count ? ClassNames[label] : null;
}
