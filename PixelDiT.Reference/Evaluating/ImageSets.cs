using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Evaluating;

/// <summary>What a text names that a user types for a set of pictures.</summary>
public enum ImageSetKind
{
    /// <summary>A folder, whose pictures are taken as they are.</summary>
    Folder,

    /// <summary>An archive of NumPy.</summary>
    Npz,

    /// <summary>A data source, whose images are read as training reads them.</summary>
    Source,

    /// <summary>Any other file: a model that draws.</summary>
    Model
}

/// <summary>Tells sets of pictures apart by the text that names them.</summary>
internal static class ImageSets
{
    private const string Ending = ".npz";

    private static readonly string[] s_words = [.. ImageSources.Known.Select(known => known.Form.Split(':')[0])];

    /// <summary>The forms, each with a few words of explanation.</summary>
    public static IReadOnlyList<(string Form, string Meaning)> Known { get; } =
        [("FOLDER", "pictures in it and below, as they are"), ("FILE.npz", "arr_0, or the statistics mu and sigma"), ("MODEL", "a model file that draws them"), .. ImageSources.Known];

    /// <summary>What a text names.</summary>
    /// <exception cref="DataException">It names nothing.</exception>
    public static ImageSetKind KindOf(string text)
    {
        if (s_words.Contains(text) || s_words.Contains(text.Split(':', 2)[0])) return ImageSetKind.Source;
        // The folder of a run is its model, as it is to sample.
        if (Directory.Exists(text)) return File.Exists(Path.Combine(text, Checkpoint.ModelFile)) ? ImageSetKind.Model : ImageSetKind.Folder;
        if (File.Exists(text)) return text.EndsWith(Ending, StringComparison.OrdinalIgnoreCase) ? ImageSetKind.Npz : ImageSetKind.Model;
        throw new DataException($"'{text}' names no pictures: there is no such file or folder; one of {string.Join(", ", Known.Select(known => known.Form))} was expected");
    }

    /// <summary>The size at which a data source is read: what was asked for, else that of the other set.</summary>
    /// <param name="text">The source.</param>
    /// <param name="asked">What was asked for, or null.</param>
    /// <param name="other">The size of the other set's pictures, or null.</param>
    /// <exception cref="ConfigurationException">Neither is known.</exception>
    public static ImageSize SizeFor(string text, ImageSize? asked, ImageSize? other)
        => asked ?? other ?? throw new ConfigurationException($"{text}: the size at which its images are read is not known; --resolution gives it");

    /// <summary>The first pictures of a set, and no more of it is read.</summary>
    /// <param name="pictures">The set's.</param>
    /// <param name="most">How many; Enumerable.Take counts in 32 bits.</param>
    internal static IEnumerable<SetPicture> First(IEnumerable<SetPicture> pictures, long most)
    {
        if (most <= 0) yield break;
        foreach (var picture in pictures)
        {
            yield return picture;
            if (--most == 0) yield break;
        }
    }
}
