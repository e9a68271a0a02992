using PixelDiT.Kernels;

namespace PixelDiT.Reference.Pictures;

/// <summary>Pictures with their captions under them, on one sheet.</summary>
internal static class CaptionedSheet
{
    /// <summary>The side that small pictures are enlarged to at least, in pixels, so that a caption of some forty characters is readable under them.</summary>
    public const int VisibleSide = 128;

    /// <summary>The most lines of a caption where nothing else is said.</summary>
    public const int MostLines = 5;

    // A line of this many pixels or more has larger letters.
    private const int LineOfSmallLetters = 256;

    /// <summary>How many pictures of a size, with captions of <see cref="MostLines"/>, fit into a sheet of <see cref="Grid.MaximumBytes"/>.</summary>
    /// <param name="width">W of the largest, in pixels.</param>
    /// <param name="height">H of the largest, in pixels.</param>
    /// <param name="channels">C.</param>
    public static int Capacity(int width, int height, int channels)
    {
        long factor = Grid.Enlargement(width, height, VisibleSide), tileWidth = width * factor, scale = Scale(tileWidth);
        return (int)(Grid.MaximumBytes / (tileWidth * (height * factor + MostLines * BitmapFont.LineHeight * scale) * channels));
    }

    /// <summary>Lays pictures out row by row on white, each with its caption below it.</summary>
    /// <param name="pictures">At least one; of one number of channels. Smaller ones stand in the middle of the room that the largest needs.</param>
    /// <param name="captions">A text for each picture; may be empty.</param>
    /// <param name="columns">Pictures in a row.</param>
    /// <param name="lines">The most lines of a caption; longer ones end with an ellipsis.</param>
    /// <param name="minimumSide">Pictures whose shorter side is shorter are enlarged by the least whole factor that reaches it, all by the same.</param>
    /// <exception cref="ShapeException">There is no picture, captions are more or fewer, channels differ, or a number is out of range.</exception>
    public static Picture Compose(IReadOnlyList<Picture> pictures, IReadOnlyList<string> captions, int columns, int lines = MostLines, int minimumSide = VisibleSide)
    {
        if (pictures.Count == 0) throw new ShapeException("a sheet of no pictures was asked for; it needs at least one");
        if (captions.Count != pictures.Count) throw new ShapeException($"a sheet of {pictures.Count} pictures with {captions.Count} captions was asked for; it needs one each");
        if (columns < 1 || lines < 1) throw new ShapeException($"a sheet of {columns} columns with captions of {lines} lines was asked for; both must be at least 1");
        int channels = pictures[0].Channels;
        if (pictures.FirstOrDefault(picture => picture.Channels != channels) is { } odd) throw new ShapeException($"a sheet holds pictures of one number of channels; found {channels} and {odd.Channels}");

        int factor = Grid.Enlargement(pictures.Max(picture => picture.Width), pictures.Max(picture => picture.Height), minimumSide);
        int tileWidth = checked(pictures.Max(picture => picture.Width) * factor), tileHeight = checked(pictures.Max(picture => picture.Height) * factor);
        int scale = (int)Scale(tileWidth), gap = 6 * scale;
        var texts = captions.Select(caption => BitmapFont.Wrap(caption, tileWidth, lines, scale)).ToArray();
        // The letters' own upper rows, which only accents use, part them from the picture.
        int cellHeight = tileHeight + texts.Max(text => text.Count) * BitmapFont.LineHeight * scale + gap;
        columns = Math.Min(columns, pictures.Count);
        var sheet = Grid.Blank(gap + columns * (tileWidth + gap), gap + (pictures.Count + columns - 1) / columns * cellHeight, channels);
        foreach (var (i, picture) in pictures.Index())
        {
            var tile = picture.Enlarge(factor);
            int left = gap + i % columns * (tileWidth + gap), top = gap + i / columns * cellHeight;
            Grid.Paste(sheet, tile, left + (tileWidth - tile.Width) / 2, top + (tileHeight - tile.Height) / 2);
            foreach (var (line, text) in texts[i].Index()) BitmapFont.Draw(sheet, left, top + tileHeight + line * BitmapFont.LineHeight * scale, text, scale);
        }
        return sheet;
    }

    private static long Scale(long tileWidth) => Math.Max(1, tileWidth / LineOfSmallLetters);
}
