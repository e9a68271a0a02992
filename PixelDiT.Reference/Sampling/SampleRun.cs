using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
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
public sealed class SampleRun
{
    private readonly SampleDrawing _drawing;
    private readonly SamplePlan _plan;
    private readonly SampleFolder _folder;

    /// <summary>A run of a model and a plan.</summary>
    /// <param name="drawing">The model and which images.</param>
    /// <param name="folder">Where to write them.</param>
    public SampleRun(SampleDrawing drawing, SampleFolder folder) => (_drawing, _plan, _folder) = (drawing, drawing.Plan, folder);

    /// <summary>A run of classes.</summary>
    /// <param name="model">The model.</param>
    /// <param name="plan">Which images.</param>
    /// <param name="folder">Where to write them.</param>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    public SampleRun(PixelDiTModel model, ClassPlan plan, SampleFolder folder) : this(new SampleDrawing(model, plan), folder)
    {
    }

    /// <summary>A run of prompts.</summary>
    /// <param name="model">The model.</param>
    /// <param name="plan">Which images.</param>
    /// <param name="states">The states of the plan's texts.</param>
    /// <param name="folder">Where to write them.</param>
    /// <param name="batchedGuidance">Whether both sides of guidance are one pass (<see cref="TextSampler.BatchedGuidance"/>); the images do not depend on it.</param>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    public SampleRun(TextToImageModel model, TextPlan plan, TextStates states, SampleFolder folder, bool batchedGuidance = false) : this(new SampleDrawing(model, plan, states, batchedGuidance), folder)
    {
    }

    /// <summary>Whether to write an archive instead of a sheet.</summary>
    public bool Archive { get; set; }

    /// <summary>Whether to write each image as a PNG of its own, with a record beside it.</summary>
    public bool Singles { get; set; }

    /// <summary>Whether to write an animation of the first image of each class or prompt too, where there is a sheet.</summary>
    public bool Animated { get; set; }

    /// <summary>Whether pictures carry their record (<see cref="PictureRecord"/>).</summary>
    public bool Metadata { get; set; } = true;

    /// <summary>Images at a time, at least 1; the images do not depend on it.</summary>
    public int Batch { get; set; } = 32;

    /// <summary>The processes that draw together, of which this is rank 0 and alone writes; null for one process. With an archive only.</summary>
    public ICommunicator? Ranks { get; set; }

    /// <summary>What is known to be wrong with the weights, said where images are not finite; null for nothing.</summary>
    public string? WeightsProblem { get => _drawing.WeightsProblem; set => _drawing.WeightsProblem = value; }

    /// <summary>Images of the run that are on the disk: those of an archive, which is gone on with, or those of a sheet that was cut short.</summary>
    public long Saved { get; private set; }

    /// <summary>Checks that the images can be drawn and have a place to go.</summary>
    /// <exception cref="ShapeException">A size is no multiple of the patch.</exception>
    /// <inheritdoc cref="Require" path="/exception"/>
    public void Validate()
    {
        foreach (var size in _plan.Sizes) _drawing.Model.RequireDivides(size.Height, size.Width);
        Require(_plan, _drawing.Model.Config.Channels, Batch, Archive, Singles);
    }

    /// <summary>The same without a model, which need not be loaded for images that have no place to go.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="channels">C.</param>
    /// <param name="batch">Images at a time.</param>
    /// <param name="archive">Whether to write an archive.</param>
    /// <param name="singles">Whether to write each image.</param>
    /// <exception cref="ConfigurationException">A batch is too large for one array, a sheet would be too large and nothing else is asked for, or an archive would hold images of several sizes.</exception>
    public static void Require(SamplePlan plan, int channels, int batch, bool archive, bool singles)
    {
        var largest = plan.Sizes.MaxBy(size => size.Area);
        long numbers = Math.Min(batch, plan.Count) * channels * largest.Area;
        if (numbers > Array.MaxLength) throw new ConfigurationException($"{batch} images of {largest} at a time are {numbers} numbers; at most {Array.MaxLength} fit, so a smaller --batch was expected");
        if (archive && plan.Sizes.Count > 1) throw new ConfigurationException($"the images are of {plan.Sizes[0]}, {plan.Sizes[1]}{(plan.Sizes.Count > 2 ? " and other sizes" : "")}; {ImageArchive.FileName} holds images of one size");
        if (!archive && !singles && !SampleSheet.Fits(plan, channels))
        {
            throw new ConfigurationException(
                $"{plan.Count} images of {plan.Frame} are too many for {SampleSheet.GridName}, which holds {SampleSheet.Capacity(plan, channels)}; a smaller --count, --singles or --npz was expected");
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
        int channels = _drawing.Model.Config.Channels;
        if (Ranks is not null && !Archive) throw new ConfigurationException("several processes draw into an archive; --npz was expected");
        if (Archive && _folder.HasArchive)
        {
            Saved = _plan.Count;
            if (Ranks is not null) Ranks.FromFirst(_plan.Count);
            return;
        }
        using var held = _folder.Prepare();
        _folder.RequireOwn(Written(), Metadata);
        var archive = Archive && _folder.HasPart ? new ImageArchive(_folder.Path, _plan, channels) : null;
        var sheet = Archive ? null : new SampleSheet(_plan, channels, Animated);
        var record = Metadata ? _drawing.Record : null;
        try
        {
            bool isBegun = archive is not null;
            long done = Saved = archive?.Done ?? 0;
            foreach (var (images, pictures) in Batches(done, sheet, report, cancel))
            {
                // No file is made or deleted before there is an image to put there.
                if (!isBegun) _folder.Begin();
                isBegun = true;
                if (Archive) archive ??= new ImageArchive(_folder.Path, _plan, channels);
                if (Singles) WriteSingles(images, pictures, record);
                sheet?.Add(images, pictures);
                archive?.Add(pictures);
                done += images.Length;
                Saved = Archive || Singles ? done : 0;
            }
            sheet?.Write(_folder.Path, record);
            archive?.Complete();
        }
        // A sheet that is there is of the same run, and as like as not whole.
        catch (OperationCanceledException) when (sheet is { Count: > 0 } && !_folder.HasSheet)
        {
            sheet.Write(_folder.Path, record);
            Saved = sheet.Count;
            throw;
        }
        finally
        {
            archive?.Dispose();
        }
    }

    /// <summary>The pictures, and records of pictures, that the run will write.</summary>
    private IEnumerable<string> Written()
    {
        if (Archive) yield break;
        yield return SampleSheet.GridName;
        yield return SampleSheet.FilmName;
        if (Animated) yield return SampleSheet.AnimationName;
        for (long k = 0; Singles && k < _plan.Count; k++)
        {
            yield return $"{_plan.FileOf(k)}.png";
            yield return $"{_plan.FileOf(k)}.json";
        }
    }

    private IEnumerable<(long[] Images, IReadOnlyList<Picture> Pictures)> Batches(long done, SampleSheet? sheet, Action<SampleReport>? report, CancellationToken cancel)
    {
        if (Ranks is not null)
        {
            Ranks.FromFirst(done);
            return RankDrawing.Draw(_drawing, Ranks, done, Batch, report, cancel);
        }
        return Alone();

        IEnumerable<(long[] Images, IReadOnlyList<Picture> Pictures)> Alone()
        {
            long drawn = done;
            foreach (long[] images in _plan.Batches(done, Batch))
            {
                yield return (images, DrawBatch(images, drawn, sheet, report, cancel));
                drawn += images.Length;
            }
        }
    }

    private IReadOnlyList<Picture> DrawBatch(long[] batch, long done, SampleSheet? sheet, Action<SampleReport>? report, CancellationToken cancel)
    {
        return _drawing.Draw(batch, (step, state) =>
        {
            sheet?.Observe(batch, step, state);
            double work = batch.Length * ((double)step / _plan.Sampling.Steps);
            report?.Invoke(new SampleReport(done + (step == _plan.Sampling.Steps ? batch.Length : 0), done + work, _plan.Count));
        }, cancel);
    }

    private void WriteSingles(long[] batch, IReadOnlyList<Picture> pictures, PictureRecord? record)
    {
        foreach (var (k, picture) in batch.Zip(pictures))
        {
            string path = _folder.ImagePath(k);
            PngWriter.Write($"{path}.png", picture, record?.OfImage(k));
            AtomicFile.WriteText($"{path}.json", SampleRecord.Image(_plan, k));
        }
    }
}
