using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>How far a run is.</summary>
/// <param name="Images">Images done, those of an earlier part of the run included.</param>
/// <param name="Work">The same with the steps of the images in hand: a share of an image for each step.</param>
/// <param name="Total">n.</param>
public readonly record struct SampleReport(long Images, double Work, long Total);

/// <summary>
/// Draws the images of a plan into a folder, a batch at a time. Only what a sheet shows is kept; single pictures and the archive are written batch by batch.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="plan">Which images.</param>
/// <param name="folder">Where to write them.</param>
public sealed class SampleRun(PixelDiTModel model, SamplePlan plan, SampleFolder folder)
{
    private readonly ClassSampler _sampler = new(model, plan.Sampling);

    /// <summary>Whether to write an archive instead of a sheet.</summary>
    public bool Archive { get; init; }

    /// <summary>Whether to write each image as a PNG of its own, with a record beside it.</summary>
    public bool Singles { get; init; }

    /// <summary>Images at a time, at least 1; the images do not depend on it.</summary>
    public int Batch { get; init; } = 32;

    /// <summary>What is known to be wrong with the weights, said where images are not finite; null for nothing.</summary>
    public string? WeightsProblem { get; init; }

    /// <summary>Images of the run that are on the disk: those of an archive, which is gone on with, or those of a sheet that was cut short.</summary>
    public long Saved { get; private set; }

    /// <summary>Checks that the images can be drawn and have a place to go.</summary>
    /// <exception cref="ShapeException">The resolution is no multiple of the patch.</exception>
    /// <exception cref="ConfigurationException">A batch is too large for one array, or a sheet would be too large and nothing else is asked for.</exception>
    public void Validate()
    {
        int side = plan.Resolution;
        model.RequireDivides(side, side);
        long numbers = Math.Min(Batch, plan.Count) * model.Config.Channels * side * side;
        if (numbers > Array.MaxLength) throw new ConfigurationException($"{Batch} images of {side}×{side} at a time are {numbers} numbers; at most {Array.MaxLength} fit, so a smaller --batch was expected");
        if (!Archive && !Singles && !SampleSheet.Fits(plan, model.Config.Channels))
        {
            throw new ConfigurationException(
                $"{plan.Count} images of {side}×{side} are too many for {SampleSheet.GridName}, which holds {Grid.Capacity(side, side, model.Config.Channels)}; a smaller --count, --singles or --npz was expected");
        }
    }

    /// <summary>Draws the images. An archive that an earlier run of the same plan has begun is gone on with; one that is complete is left as it is.</summary>
    /// <param name="report">Called after every step.</param>
    /// <param name="cancel">Stops the run; the batch in hand is lost, and what was drawn before it is kept.</param>
    /// <exception cref="FileFormatException">A file cannot be written.</exception>
    /// <exception cref="NotFiniteException">Images hold values that are infinite or no number. Nothing of their batch is written; what was there before stays.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public void Draw(Action<SampleReport>? report = null, CancellationToken cancel = default)
    {
        Validate();
        int channels = model.Config.Channels;
        if (Archive && folder.HasArchive)
        {
            Saved = plan.Count;
            return;
        }
        using var held = folder.Prepare();
        var archive = Archive && folder.HasPart ? new ImageArchive(folder.Path, plan, channels) : null;
        var sheet = Archive ? null : new SampleSheet(plan, channels);
        try
        {
            bool isBegun = archive is not null;
            Saved = archive?.Done ?? 0;
            for (long first = Saved; first < plan.Count; first += Batch)
            {
                var pictures = DrawBatch(first, sheet, report, cancel);
                // No file is made or deleted before there is an image to put there.
                if (!isBegun) folder.Begin();
                isBegun = true;
                if (Archive) archive ??= new ImageArchive(folder.Path, plan, channels);
                if (Singles) WriteSingles(first, pictures);
                sheet?.Add(pictures);
                archive?.Add(pictures);
                Saved = archive?.Done ?? 0;
            }
            sheet?.Write(folder.Path);
            archive?.Complete();
        }
        // A sheet that is there is of the same run, and as like as not whole.
        catch (OperationCanceledException) when (sheet is { Count: > 0 } && !folder.HasSheet)
        {
            sheet.Write(folder.Path);
            Saved = sheet.Count;
            throw;
        }
        finally
        {
            archive?.Dispose();
        }
    }

    private IReadOnlyList<Picture> DrawBatch(long first, SampleSheet? sheet, Action<SampleReport>? report, CancellationToken cancel)
    {
        int count = (int)Math.Min(Batch, plan.Count - first), side = plan.Resolution;
        int[] labels = [.. Enumerable.Range(0, count).Select(k => plan.LabelOf(first + k))];
        ulong[] seeds = [.. Enumerable.Range(0, count).Select(k => plan.SeedOf(first + k))];
        float[] images = _sampler.Sample(labels, seeds, side, side, (step, state) =>
        {
            sheet?.Observe(first, step, state);
            double work = count * ((double)step / plan.Sampling.Steps);
            report?.Invoke(new SampleReport(first + (step == plan.Sampling.Steps ? count : 0), first + work, plan.Count));
        }, cancel);
        RequireFinite(first, images, images.Length / count);
        return Picture.FromBatch(images, model.Config.Channels, side, side);
    }

    private void RequireFinite(long first, ReadOnlySpan<float> images, int size)
    {
        const int shown = 4;
        var wrong = new List<long>();
        for (int k = 0; k * size < images.Length; k++)
        {
            if (ValueTally.CountNotFinite(images.Slice(k * size, size)) > 0) wrong.Add(first + k);
        }
        if (wrong.Count == 0) return;
        string list = string.Join(", ", wrong.Take(shown).Select(k => $"image {k} (class {plan.LabelOf(k)}, seed {plan.SeedOf(k)})")), more = wrong.Count > shown ? $" and {wrong.Count - shown} more" : "";
        throw new NotFiniteException($"{list}{more}: the values are not finite, so nothing is written of them; {WeightsProblem ?? "the weights are finite, so a smaller --guidance or another --precision may help"}");
    }

    private void WriteSingles(long first, IReadOnlyList<Picture> pictures)
    {
        for (int k = 0; k < pictures.Count; k++)
        {
            string path = folder.ImagePath(first + k);
            PngWriter.Write($"{path}.png", pictures[k]);
            AtomicFile.WriteText($"{path}.json", SampleRecord.Image(plan, first + k));
        }
    }
}
