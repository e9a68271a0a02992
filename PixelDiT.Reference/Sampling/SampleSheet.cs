using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>
/// The pictures of a run on one sheet: samples.png, a row a class with its name, or a row a prompt (prompts of one picture each in a square) with the text under the first; and trajectory.png, the first image of each on
/// its way from noise. Pictures are kept in bytes, as many as <see cref="Grid.MaximumBytes"/> lets stand in a grid; a film strip has as many of the first rows as fit. Where sizes differ, each picture stands in the middle
/// of a white frame.
/// </summary>
internal sealed class SampleSheet
{
    /// <summary>The grid and the film strip.</summary>
    public const string GridName = "samples.png", FilmName = "trajectory.png";

    private const int FilmColumns = 10;

    private readonly SamplePlan _plan;
    private readonly int _channels;
    private readonly ImageSize _frame;
    private readonly int[] _shown;
    private readonly Picture?[]? _pictures;
    private readonly Picture?[] _film;

    public SampleSheet(SamplePlan plan, int channels)
    {
        (_plan, _channels, _frame) = (plan, channels, plan.Frame);
        if (Fits(plan, channels)) _pictures = new Picture?[plan.Count];
        _shown = [.. Enumerable.Range(0, FilmColumns).Select(column => (int)Math.Round(column * (double)plan.Sampling.Steps / (FilmColumns - 1))).Distinct()];
        _film = new Picture?[_shown.Length * Math.Min(plan.Rows, Grid.Capacity(_frame.Width, _frame.Height, channels) / _shown.Length)];
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
        int column = Array.IndexOf(_shown, step), size = (int)(state.Count / state.Shape[0]);
        for (int row = 0; column >= 0 && row < _film.Length / _shown.Length; row++)
        {
            int at = Array.BinarySearch(batch, (long)row * _plan.PerRow);
            if (at < 0) continue;
            var image = new float[size];
            state.Slice((long)at * size, [size]).Download(image);
            _film[(row * _shown.Length) + column] = Picture.FromImage(image, _channels, state.Shape[2], state.Shape[3]);
        }
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
    /// <exception cref="Kernels.FileFormatException">A file cannot be written.</exception>
    public void Write(string folder)
    {
        if (_pictures is not null) PngWriter.Write(Path.Combine(folder, GridName), Sheet());
        var rows = _film.Chunk(_shown.Length).Index().Where(row => row.Item.All(picture => picture is not null)).ToList();
        if (rows.Count == 0) return;
        var film = rows.SelectMany(row => row.Item).Select(picture => picture!.Frame(_frame.Width, _frame.Height));
        PngWriter.Write(Path.Combine(folder, FilmName), Grid.Compose([.. film], _shown.Length, rowNames: [.. rows.Select(row => _plan.TitleOf(row.Index))]));
    }

    /// <summary>Classes have their names beside them; a prompt is longer, and stands under the first of its pictures.</summary>
    private Picture Sheet()
    {
        var taken = _pictures!.Index().Where(picture => picture.Item is not null).ToList();
        Picture[] tiles = [.. taken.Select(picture => picture.Item!)];
        if (_plan is not TextPlan) return Grid.Compose(tiles, _plan.Columns, rowNames: [.. Enumerable.Range(0, _plan.Rows).Select(_plan.TitleOf)]);
        return CaptionedSheet.Compose(tiles, [.. taken.Select(picture => picture.Index % _plan.PerRow == 0 ? _plan.TitleOf(picture.Index / _plan.PerRow) : "")], _plan.Columns);
    }
}
