using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Measuring;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Editing;

/// <summary>
/// The files of an edit in a folder: <c>NAME.json</c>, the record; <c>NAME.png</c>, the edited picture; <c>NAME.sheet.png</c>, before, after and the difference magnified; <c>NAME.film.png</c>, the picture on its way. The record is
/// written first, so that pictures without one are another's and are left alone; an edit is done when all four are there.
/// </summary>
/// <param name="folder">The folder.</param>
/// <param name="name">What the files are called.</param>
internal sealed class EditOutput(string folder, string name)
{
    /// <summary>What the record of a picture calls the sheet of edits of a demonstration.</summary>
    public const string DemoSheet = "edits";

    private const string Edited = "edit", Sheet = "edit sheet", Film = "edit film";
    private const int Magnification = 8, SheetSide = 256;

    /// <summary>What the record of a picture calls the edited picture, the sheet and the film strip.</summary>
    public static IReadOnlyList<string> Kinds { get; } = [Edited, Sheet, Film];

    private string RecordPath => Path.Combine(folder, $"{name}.json");

    /// <summary>The edited picture.</summary>
    public string PicturePath => Path.Combine(folder, $"{name}.png");

    private string SheetPath => Path.Combine(folder, $"{name}.sheet.png");

    private string FilmPath => Path.Combine(folder, $"{name}.film.png");

    /// <summary>All files, the record first.</summary>
    public IReadOnlyList<string> Files => [RecordPath, PicturePath, SheetPath, FilmPath];

    /// <summary>Looks for the same edit, done before.</summary>
    /// <param name="settings">What decides the edit.</param>
    /// <param name="overwrite">Whether another edit in its place may be replaced.</param>
    /// <returns>What it changed and what JPEG does; null where the edit is still to be made.</returns>
    /// <exception cref="ConfigurationException">Another edit, or pictures of another, are in its place.</exception>
    public (EditMeasure Measure, IReadOnlyList<EditMeasure> Baselines)? Find(IReadOnlyList<(string Key, object? Value)> settings, bool overwrite)
    {
        if (!File.Exists(RecordPath))
        {
            if (!overwrite && Files.FirstOrDefault(File.Exists) is { } other) throw new ConfigurationException($"{other}: is there already, without the record of an edit beside it; --overwrite replaces it, another --out leaves it alone");
            return null;
        }
        (EditMeasure? Measure, IReadOnlyList<EditMeasure> Baselines, string? Difference) found;
        try
        {
            found = EditRecord.Read(RecordPath, settings);
        }
        catch (FileFormatException) when (overwrite)
        {
            return null;
        }
        if (found.Difference is not null) return overwrite ? null : throw new ConfigurationException($"{RecordPath}: {found.Difference}; --overwrite replaces that edit, another --out leaves it alone");
        return Files.All(File.Exists) ? (found.Measure!, found.Baselines) : null;
    }

    /// <summary>Measures an edit and writes its files.</summary>
    /// <param name="settings">What decides the edit.</param>
    /// <param name="image">The source.</param>
    /// <param name="after">The edited picture.</param>
    /// <param name="inside">Where something was to change; null where nobody says.</param>
    /// <param name="film">The picture on its way, from first to last.</param>
    /// <param name="device">What has computed it, for the record that the pictures carry; null for none.</param>
    /// <exception cref="FileFormatException">A file cannot be written.</exception>
    public (EditMeasure Measure, IReadOnlyList<EditMeasure> Baselines) Write(IReadOnlyList<(string Key, object? Value)> settings, EditImage image, Picture after, bool[]? inside, IReadOnlyList<Picture> film, Device? device = null)
    {
        var measure = EditMeasure.Of(image.Before, after, inside);
        IReadOnlyList<EditMeasure> baselines = [.. EditRecord.Qualities.Select(quality => EditMeasure.OfJpeg(image.Before, inside, quality))];
        EditRecord.Write(RecordPath, settings, measure, baselines);
        image.Write(PicturePath, after, Texts(Edited));
        var difference = Magnified(image.Before, after);
        PngWriter.Write(SheetPath, CaptionedSheet.Compose([image.Before, after, difference], ["before", "after", $"difference × {Magnification}"], 3, minimumSide: SheetSide), Texts(Sheet));
        PngWriter.Write(FilmPath, Grid.Compose(film, film.Count), Texts(Film));
        return (measure, baselines);

        IReadOnlyList<PngText>? Texts(string shown) => device is null ? null : EditRecord.Texts(shown, settings, device);
    }

    /// <summary>The magnitude of the difference, black for none, magnified so that a slight one of the background can be seen.</summary>
    private static Picture Magnified(Picture before, Picture after)
        => new(before.Width, before.Height, before.Channels, [.. before.Pixels.Zip(after.Pixels, (was, now) => (byte)Math.Min(byte.MaxValue, Magnification * Math.Abs(was - now)))]);
}
