using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>
/// Everything that decides the images of a sampling run. The batch is not among it: an image is the same in a batch of any size. Images are in rows, one a class or a prompt, that follow one another.
/// </summary>
public abstract record SamplePlan
{
    /// <summary>The recipe that the settings come from; null for none.</summary>
    public SamplingRecipe? Recipe { get; init; }

    /// <summary>The sampler's settings.</summary>
    public SamplingConfig Sampling { get; init; } = new();

    /// <summary>Images of each class or prompt, which follow one another.</summary>
    public required int PerRow { get; init; }

    /// <summary>The first image's seed.</summary>
    public ulong Seed { get; init; }

    /// <summary>A seed for each image, in the place of <see cref="Seed"/>; null for none.</summary>
    public IReadOnlyList<ulong>? Seeds { get; init; }

    /// <summary>The <see cref="Models.Weights.WeightHash"/> of the model; empty as long as it is not known.</summary>
    public required string Weights { get; init; }

    /// <summary>What products round their operands to.</summary>
    public Precision Precision { get; init; }

    /// <summary>The classes or prompts.</summary>
    public abstract int Rows { get; }

    /// <summary>Images beside one another on a sheet.</summary>
    public abstract int Columns { get; }

    /// <summary>n, the images of the run.</summary>
    public long Count => (long)Rows * PerRow;

    /// <summary>Each size that images of the run have, once.</summary>
    public abstract IReadOnlyList<ImageSize> Sizes { get; }

    /// <summary>The size of image k; both sides are multiples of the model's patch.</summary>
    public abstract ImageSize SizeOf(long k);

    /// <summary>The number under which an archive has image k: its class, or the index of its prompt.</summary>
    public abstract int LabelOf(long k);

    /// <summary>The seed of image k.</summary>
    public abstract ulong SeedOf(long k);

    /// <summary>The name of the file of image k, without its extension.</summary>
    public abstract string FileOf(long k);

    /// <summary>Tells whether a file of a name may be one of the run's single images or their records.</summary>
    internal abstract Func<string, bool> IsOwnFile();

    /// <summary>What image k shows, for messages.</summary>
    public abstract string SubjectOf(long k);

    /// <summary>What stands on a sheet beside a class or a prompt.</summary>
    internal abstract string TitleOf(int row);

    /// <summary>The fields of the record that say sizes and the like.</summary>
    internal abstract IEnumerable<(string Key, object? Value)> SettingFields { get; }

    /// <summary>The fields of the run's record that say what its images show.</summary>
    internal abstract IEnumerable<(string Key, object? Value)> SubjectFields { get; }

    /// <summary>The fields of an image's record that say what it shows.</summary>
    internal abstract IEnumerable<(string Key, object? Value)> FieldsOf(long k);

    /// <summary>What stands at the end of an image's record beside the weights.</summary>
    internal virtual IEnumerable<(string Key, object? Value)> OriginFields => [];

    /// <summary>The largest height and the largest width, be they of one image or not.</summary>
    internal ImageSize Frame => new(Sizes.Max(size => size.Height), Sizes.Max(size => size.Width));

    /// <summary>The images to draw together, one batch after the other: those of one size, in their order.</summary>
    /// <param name="first">The first image that is not drawn yet; images before it are left out.</param>
    /// <param name="most">Images of a batch, at least 1.</param>
    public IEnumerable<long[]> Batches(long first, int most)
    {
        if (Sizes.Count > 1) return Remaining().GroupBy(SizeOf).SelectMany(images => images.Chunk(most));
        return Remaining().Chunk(most);

        IEnumerable<long> Remaining()
        {
            for (long k = first; k < Count; k++) yield return k;
        }
    }
}
