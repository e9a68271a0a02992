using PixelDiT.Kernels;

namespace PixelDiT.Reference.Diffusion;

/// <summary>The settings with which the authors sampled one of their released models, and what they measured.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Weights">The released weights they belong to, in words.</param>
/// <param name="Resolution">The side of the images.</param>
/// <param name="Sampling">The sampler's settings.</param>
/// <param name="Seed">The seed of the authors' run. Their data loader draws each image's seed from it; here image k has seed + k.</param>
/// <param name="PublishedFid">The FID that the paper reports for 50,000 images, 50 a class; null where it reports none. It was not measured with this program.</param>
public sealed record SamplingRecipe(string Name, string Weights, int Resolution, SamplingConfig Sampling, ulong Seed, double? PublishedFid)
{
    /// <summary>Whether it is of a text-to-image model.</summary>
    public bool IsText => Sampling.Sampler == Sampler.DpmSolver;
}

/// <summary>The published sampling settings (SPEC §5).</summary>
public static class SamplingRecipes
{
    /// <summary>Images of each class behind the published FIDs.</summary>
    public const int ImagesPerClass = 50;

    private const ulong TextSeed = 2025;

    private static readonly SamplingConfig s_common = new() { Sampler = Sampler.FlowDpm, Steps = 100, TimeShift = 1 };
    private static readonly SamplingConfig s_text = new() { Sampler = Sampler.DpmSolver, Steps = 50, Guidance = 2.75 };

    /// <summary>All recipes.</summary>
    public static IReadOnlyList<SamplingRecipe> All { get; } =
    [
        new("imagenet256-80ep", "ImageNet 256², 80 epochs", 256, s_common with { Guidance = 3.25, Interval = (0.1f, 1) }, 5000, 2.36),
        new("imagenet256-160ep", "ImageNet 256², 160 epochs", 256, s_common with { Guidance = 3.25, Interval = (0.1f, 1) }, 5000, 1.97),
        new("imagenet256-320ep", "ImageNet 256², 320 epochs", 256, s_common with { Guidance = 2.75, Interval = (0.1f, 0.9f) }, 1600, 1.61),
        new("imagenet512", "ImageNet 512²", 512, s_common with { Guidance = 3.5, Interval = (0.1f, 1), TimeShift = 2 }, 10000, 1.81),
        new("t2i-512", "text-to-image, 512²", 512, s_text with { TimeShift = 3 }, TextSeed, null),
        new("t2i-1024", "text-to-image, 1024²", 1024, s_text with { TimeShift = 4 }, TextSeed, null)
    ];

    /// <summary>The names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(recipe => recipe.Name)];

    /// <summary>The recipe of a name.</summary>
    /// <exception cref="ConfigurationException">There is none of that name; the message lists the names there are.</exception>
    public static SamplingRecipe Get(string name) => All.FirstOrDefault(recipe => recipe.Name == name)
        ?? throw new ConfigurationException($"recipe '{name}' is unknown; known are {string.Join(", ", Names)}");
}
