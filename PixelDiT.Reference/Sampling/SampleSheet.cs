using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>
/// The pictures of a run on one sheet: samples.png, a row a class or prompt (prompts of one picture each in a square), and trajectory.png, the first image of each class or prompt on its way from noise. Pictures are
/// kept in bytes, as many as <see cref="Grid.MaximumBytes"/> lets stand in a grid; a film strip has as many of the first rows as fit. Where sizes differ, each picture stands in the middle of a white frame.
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
    public static bool Fits(SamplePlan plan, int channels) => plan.Count <= Grid.Capacity(plan.Frame.Width, plan.Frame.Height, channels);

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
        if (_pictures is not null) PngWriter.Write(Path.Combine(folder, GridName), Compose(_pictures.OfType<Picture>(), _plan.Columns));
        var film = _film.Chunk(_shown.Length).Where(row => row.All(picture => picture is not null)).SelectMany(row => row.OfType<Picture>()).ToList();
        if (film.Count > 0) PngWriter.Write(Path.Combine(folder, FilmName), Compose(film, _shown.Length));
    }

    private Picture Compose(IEnumerable<Picture> pictures, int columns) => Grid.Compose([.. pictures.Select(picture => picture.Frame(_frame.Width, _frame.Height))], columns);
}
