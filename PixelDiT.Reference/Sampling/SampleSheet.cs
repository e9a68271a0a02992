using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>
/// The pictures of a run on one sheet: samples.png, a row a class with its name, or a row a prompt (prompts of one picture each in a square) with the text under the first; trajectory.png, the first image of each on
/// its way from noise; and, where it is wanted, animation.png, the same as an animation. Pictures are kept in bytes, as many as <see cref="Grid.MaximumBytes"/> lets stand in a grid; a film strip has as many of the first
/// rows as fit. Where sizes differ, each picture stands in the middle of a white frame.
/// </summary>
internal sealed class SampleSheet
{
    /// <summary>The grid, the film strip and the animation.</summary>
    public const string GridName = "samples.png", FilmName = "trajectory.png", AnimationName = "animation.png";

    private const int FilmColumns = 10, MostFrames = 32;
    private const ushort FrameMilliseconds = 80, LastMilliseconds = 2000;

    private readonly SamplePlan _plan;
    private readonly Picture?[]? _pictures;
    private readonly Snapshots _film;
    private readonly Snapshots? _frames;

    public SampleSheet(SamplePlan plan, int channels, bool isAnimated = false)
    {
        _plan = plan;
        var frame = plan.Frame;
        if (Fits(plan, channels)) _pictures = new Picture?[plan.Count];
        _film = new Snapshots(plan, channels, FilmColumns, Grid.Capacity(frame.Width, frame.Height, channels));
        int capacity = CaptionedSheet.Capacity(frame.Width, frame.Height, channels);
        if (isAnimated) _frames = new Snapshots(plan, channels, Math.Clamp(capacity, 2, MostFrames), capacity);
    }

    /// <summary>Whether a grid holds all images of a run.</summary>
    public static bool Fits(SamplePlan plan, int channels) => plan.Count <= Capacity(plan, channels);

    /// <summary>How many images of a run a grid holds.</summary>
    public static int Capacity(SamplePlan plan, int channels)
    {
        var frame = plan.Frame;
        return plan is TextPlan ? CaptionedSheet.Capacity(frame.Width, frame.Height, channels) : Grid.Capacity(frame.Width, frame.Height, channels);
    }

    /// <summary>Looks at a batch on its way.</summary>
    /// <param name="batch">Its images, in rising order.</param>
    /// <param name="step">Steps done.</param>
    /// <param name="state">[B, C, H, W].</param>
    public void Observe(long[] batch, int step, Tensor state)
    {
        _film.Observe(batch, step, state);
        _frames?.Observe(batch, step, state);
    }

    /// <summary>Images taken so far that stand in the grid.</summary>
    public int Count { get; private set; }

    /// <summary>Takes the images of a batch.</summary>
    public void Add(long[] batch, IReadOnlyList<Picture> pictures)
    {
        if (_pictures is null) return;
        foreach (var (k, picture) in batch.Zip(pictures)) _pictures[k] = picture;
        Count += batch.Length;
    }

    /// <summary>Writes what there is; of a run that was cut short, the images taken and the film of those whose film is whole.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="record">What stands beside the pixels; null for nothing.</param>
    /// <exception cref="Kernels.FileFormatException">A file cannot be written.</exception>
    public void Write(string folder, PictureRecord? record = null)
    {
        long? drawn = _pictures is not null && Count < _plan.Count ? Count : null;
        foreach (var (kind, name) in ((PictureKind, string)[])[(PictureKind.Grid, GridName), (PictureKind.Film, FilmName), (PictureKind.Animation, AnimationName)])
        {
            if (PngOf(kind, record?.OfSheet(kind, drawn)) is { } png) PngWriter.Write(Path.Combine(folder, name), png);
        }
    }

    /// <summary>A sheet of a kind as PNG; null where there is nothing to show.</summary>
    /// <param name="kind">Any but a single image.</param>
    /// <param name="texts">What stands beside the pixels; null for nothing.</param>
    public byte[]? PngOf(PictureKind kind, IReadOnlyList<PngText>? texts)
    {
        if (kind == PictureKind.Grid) return _pictures is null ? null : PngWriter.ToBytes(GridOf(_plan, _pictures), texts);
        if ((kind == PictureKind.Film ? _film : _frames)?.Whole() is not { Count: > 0 } rows) return null;
        string[] titles = [.. rows.Select(row => _plan.TitleOf(row.Row))];
        if (kind == PictureKind.Film) return PngWriter.ToBytes(Grid.Compose([.. rows.SelectMany(row => row.Pictures)], rows[0].Pictures.Length, rowNames: titles), texts);
        int columns = (int)Math.Ceiling(Math.Sqrt(rows.Count));
        Picture[] frames = [.. Enumerable.Range(0, rows[0].Pictures.Length).Select(moment => CaptionedSheet.Compose([.. rows.Select(row => row.Pictures[moment])], titles, columns))];
        using var png = new MemoryStream();
        AnimatedPng.Write(png, frames[^1], frames, FrameMilliseconds, LastMilliseconds, texts);
        return png.ToArray();
    }

    /// <summary>Classes have their names beside them; a prompt is longer, and stands under the first of its pictures.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="pictures">Its images in their order; those that are missing are left out.</param>
    public static Picture GridOf(SamplePlan plan, IReadOnlyList<Picture?> pictures)
    {
        var taken = pictures.Index().Where(picture => picture.Item is not null).ToList();
        Picture[] tiles = [.. taken.Select(picture => picture.Item!)];
        if (plan is not TextPlan) return Grid.Compose(tiles, plan.Columns, rowNames: [.. Enumerable.Range(0, plan.Rows).Select(plan.TitleOf)]);
        return CaptionedSheet.Compose(tiles, [.. taken.Select(picture => picture.Index % plan.PerRow == 0 ? plan.TitleOf(picture.Index / plan.PerRow) : "")], plan.Columns);
    }
}
