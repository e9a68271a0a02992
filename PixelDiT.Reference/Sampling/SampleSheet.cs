using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>
/// The pictures of a run on one sheet: samples.png, a row a class with its name, and trajectory.png, the first image of each class on its way from noise. Pictures are kept in
/// bytes, as many as <see cref="Grid.MaximumBytes"/> lets stand in a grid; a film strip has as many of the first classes as fit.
/// </summary>
internal sealed class SampleSheet
{
    /// <summary>The grid and the film strip.</summary>
    public const string GridName = "samples.png", FilmName = "trajectory.png";

    private const int FilmColumns = 10;

    private readonly SamplePlan _plan;
    private readonly int _channels;
    private readonly bool _hasGrid;
    private readonly int[] _shown;
    private readonly List<Picture> _pictures = [];
    private readonly Picture?[] _film;

    public SampleSheet(SamplePlan plan, int channels)
    {
        (_plan, _channels, _hasGrid) = (plan, channels, Fits(plan, channels));
        _shown = [.. Enumerable.Range(0, FilmColumns).Select(column => (int)Math.Round(column * (double)plan.Sampling.Steps / (FilmColumns - 1))).Distinct()];
        _film = new Picture?[_shown.Length * Math.Min(plan.Classes.Count, Grid.Capacity(plan.Resolution, plan.Resolution, channels) / _shown.Length)];
    }

    /// <summary>Whether a grid holds all images of a run.</summary>
    public static bool Fits(SamplePlan plan, int channels) => plan.Count <= Grid.Capacity(plan.Resolution, plan.Resolution, channels);

    /// <summary>Looks at a batch on its way.</summary>
    /// <param name="first">The index of its first image.</param>
    /// <param name="step">Steps done.</param>
    /// <param name="state">[B, C, H, W].</param>
    public void Observe(long first, int step, Tensor state)
    {
        int column = Array.IndexOf(_shown, step), size = (int)(state.Count / state.Shape[0]);
        for (int row = 0; column >= 0 && row < _film.Length / _shown.Length; row++)
        {
            long at = ((long)row * _plan.PerClass) - first;
            if (at < 0 || at >= state.Shape[0]) continue;
            var image = new float[size];
            state.Slice(at * size, [size]).Download(image);
            _film[(row * _shown.Length) + column] = Picture.FromImage(image, _channels, _plan.Resolution, _plan.Resolution);
        }
    }

    /// <summary>Images taken so far that stand in the grid.</summary>
    public int Count => _pictures.Count;

    /// <summary>Takes the next images.</summary>
    public void Add(IReadOnlyList<Picture> pictures)
    {
        if (_hasGrid) _pictures.AddRange(pictures);
    }

    /// <summary>Writes what there is; of a run that was cut short, the images taken and the film of those whose film is whole.</summary>
    /// <exception cref="Kernels.FileFormatException">A file cannot be written.</exception>
    public void Write(string folder)
    {
        string[] names = [.. _plan.Classes.Select(label => _plan.NameOf(label) ?? $"class {label}")];
        if (_hasGrid) PngWriter.Write(Path.Combine(folder, GridName), Grid.Compose(_pictures, _plan.PerClass, rowNames: names));
        Picture[] film = [.. _film.Chunk(_shown.Length).Where(row => row.All(picture => picture is not null)).SelectMany(row => row.Select(picture => picture!))];
        if (film.Length > 0) PngWriter.Write(Path.Combine(folder, FilmName), Grid.Compose(film, _shown.Length, rowNames: names));
    }
}
