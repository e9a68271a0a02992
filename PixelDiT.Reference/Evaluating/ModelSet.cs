using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;

namespace PixelDiT.Reference.Evaluating;

/// <summary>The images that a model draws by a plan, a batch at a time; none of them is kept.</summary>
/// <param name="name">The model's file.</param>
/// <param name="drawing">The model and the plan.</param>
/// <param name="batch">Images at a time; the images do not depend on it.</param>
public sealed class ModelSet(string name, SampleDrawing drawing, int batch) : IImageSet
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Kind => "model";

    /// <summary>The plan.</summary>
    public SamplePlan Plan => drawing.Plan;

    /// <inheritdoc/>
    public long Count => drawing.Plan.Count;

    /// <inheritdoc/>
    public ImageSize? Size => drawing.Plan.Sizes is [var only] ? only : null;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; } = drawing.Plan is ClassPlan plan ? plan.ClassNames.Count > 0 ? plan.ClassNames : [.. Enumerable.Range(0, plan.Classes.Max() + 1).Select(label => $"{label}")] : [];

    /// <summary>None: images of a model are drawn anew.</summary>
    public string? Identity => null;

    /// <summary>Told after every step of the sampler how many images are done, shares of those in hand included.</summary>
    public Action<double>? Report { get; set; }

    /// <inheritdoc/>
    public IEnumerable<SetPicture> Read(CancellationToken cancel)
    {
        long done = 0;
        foreach (long[] images in drawing.Plan.Batches(0, batch))
        {
            void Observe(int step, Tensor state) => Report?.Invoke(done + (images.Length * ((double)step / drawing.Plan.Sampling.Steps)));
            var pictures = drawing.Draw(images, Observe, cancel);
            done += images.Length;
            foreach (var (k, picture) in images.Zip(pictures)) yield return new SetPicture(picture, LabelOf(k));
        }
    }

    /// <summary>Draws the batches of one part, as <see cref="IImageSet.ReadPart"/> deals them out.</summary>
    /// <inheritdoc cref="IImageSet.ReadPart"/>
    public IEnumerable<IReadOnlyList<SetPicture>?> ReadPart(long most, int piece, int part, int parts, CancellationToken cancel)
    {
        long done = 0;
        foreach (var (index, batch) in drawing.Plan.Batches(0, batch).Index())
        {
            long[] images = [.. batch.TakeWhile((_, place) => done + place < most)];
            if (images.Length == 0) yield break;
            done += images.Length;
            yield return index % parts == part ? [.. images.Zip(drawing.Draw(images, (_, _) => { }, cancel), (k, picture) => new SetPicture(picture, LabelOf(k)))] : null;
        }
    }

    private int? LabelOf(long k) => drawing.Plan is ClassPlan plan && plan.LabelOf(k) != plan.NullClass ? plan.LabelOf(k) : null;

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
