using PixelDiT.Kernels;

namespace PixelDiT.Reference.Pictures;

/// <summary>Many pictures in one: samples side by side, or trajectories as film strips.</summary>
public static class Grid
{
    /// <summary>The side that small pictures are enlarged to at least, in pixels, where nothing else is said.</summary>
    public const int VisibleSide = 64;

    /// <summary>The most bytes that the pictures of a grid may have together where this program makes one, enlarged as they are: 256 MiB.</summary>
    public const long MaximumBytes = 1L << 28;

    private const byte Paper = 255;

    /// <summary>How many pictures of a size fit into a grid of <see cref="MaximumBytes"/>.</summary>
    /// <param name="width">W, in pixels.</param>
    /// <param name="height">H, in pixels.</param>
    /// <param name="channels">C.</param>
    public static int Capacity(int width, int height, int channels)
    {
        long factor = Enlargement(width, height, VisibleSide);
        return (int)(MaximumBytes / (width * height * factor * factor * channels));
    }

    /// <summary>Lays pictures out row by row on white.</summary>
    /// <param name="pictures">At least one; all of one size.</param>
    /// <param name="columns">Pictures in a row; missing ones of the last row stay white.</param>
    /// <param name="gap">Pixels between and around pictures.</param>
    /// <param name="minimumSide">Pictures with a shorter side are enlarged by the least whole factor that reaches it; 1 leaves them as they are.</param>
    /// <param name="rowNames">What to write at the left of the rows, such as their classes; rows without a name have none. Null for no names, and no room for them.</param>
    /// <exception cref="ShapeException">There is no picture, sizes differ, or a number is out of range.</exception>
    public static Picture Compose(IReadOnlyList<Picture> pictures, int columns, int gap = 2, int minimumSide = VisibleSide, IReadOnlyList<string>? rowNames = null)
    {
        if (pictures.Count == 0) throw new ShapeException("a grid of no pictures was asked for; it needs at least one");
        if (columns < 1 || gap < 0) throw new ShapeException($"a grid of {columns} columns with a gap of {gap} was asked for; there must be at least 1 column and a gap of at least 0");

        var first = pictures[0];
        foreach (var picture in pictures)
        {
            if ((picture.Width, picture.Height, picture.Channels) != (first.Width, first.Height, first.Channels))
            {
                throw new ShapeException(
                    $"a grid holds pictures of one size; found {first.Width} × {first.Height} × {first.Channels} and {picture.Width} × {picture.Height} × {picture.Channels}");
            }
        }

        int factor = Enlargement(first.Width, first.Height, minimumSide);
        int rows = (pictures.Count + columns - 1) / columns;
        int tileWidth = first.Width * factor, tileHeight = first.Height * factor;
        var names = Names(rowNames ?? [], rows, tileHeight, out int scale, out int namesWidth);
        int leftmost = namesWidth == 0 ? gap : namesWidth + 2 * scale * BitmapFont.Advance;
        var grid = Blank(checked(leftmost + columns * (tileWidth + gap)), checked(gap + rows * (tileHeight + gap)), first.Channels);

        for (int i = 0; i < pictures.Count; i++) Paste(grid, pictures[i].Enlarge(factor), leftmost + i % columns * (tileWidth + gap), gap + i / columns * (tileHeight + gap));
        foreach (var (row, lines) in names.Index())
        {
            int top = gap + row * (tileHeight + gap) + (tileHeight - lines.Count * scale * BitmapFont.LineHeight) / 2;
            foreach (var (line, text) in lines.Index()) BitmapFont.Draw(grid, scale * BitmapFont.Advance, top + line * scale * BitmapFont.LineHeight, text, scale);
        }
        return grid;
    }

    /// <summary>A white sheet.</summary>
    internal static Picture Blank(int width, int height, int channels)
    {
        var pixels = new byte[checked(width * height * channels)];
        Array.Fill(pixels, Paper);
        return new Picture(width, height, channels, pixels);
    }

    /// <summary>Lays a picture on a sheet that has room for it.</summary>
    internal static void Paste(Picture sheet, Picture tile, int left, int top)
    {
        int row = tile.Width * tile.Channels;
        for (int y = 0; y < tile.Height; y++) tile.Pixels.AsSpan(y * row, row).CopyTo(sheet.Pixels.AsSpan(((top + y) * sheet.Width + left) * sheet.Channels));
    }

    /// <summary>The least whole factor that brings the shorter side to a number of pixels.</summary>
    internal static int Enlargement(int width, int height, int minimumSide) => Math.Max(1, (minimumSide + Math.Min(width, height) - 1) / Math.Min(width, height));

    /// <summary>The lines of the names of rows: as many as stand beside a picture, of at most sixteen characters.</summary>
    private static IReadOnlyList<string>[] Names(IReadOnlyList<string> names, int rows, int tileHeight, out int scale, out int width)
    {
        const int MostCharacters = 16, HeightOfSmallLetters = 256;
        int dots = scale = Math.Max(1, tileHeight / HeightOfSmallLetters), most = Math.Max(1, tileHeight / (dots * BitmapFont.LineHeight));
        IReadOnlyList<string>[] lines = [.. names.Take(rows).Select(name => BitmapFont.Wrap(name, BitmapFont.WidthOf(MostCharacters, dots), most, dots))];
        width = lines.SelectMany(text => text).Select(text => BitmapFont.WidthOf(text.Length, dots)).DefaultIfEmpty(0).Max();
        return lines;
    }

    /// <summary>A row for each trajectory, a column for each of its snapshots, from first to last.</summary>
    /// <param name="snapshots">The batch as it was at each moment: [B, C, H, W] each, −1 … 1.</param>
    /// <param name="channels">C, 3 or 1.</param>
    /// <param name="height">H, in pixels.</param>
    /// <param name="width">W, in pixels.</param>
    /// <param name="gap">Pixels between and around pictures.</param>
    /// <param name="minimumSide">As in <see cref="Compose"/>.</param>
    /// <param name="rowNames">As in <see cref="Compose"/>.</param>
    /// <exception cref="ShapeException">There is no snapshot, or they are not batches of one size.</exception>
    public static Picture FilmStrip(IReadOnlyList<float[]> snapshots, int channels, int height, int width, int gap = 2, int minimumSide = VisibleSide, IReadOnlyList<string>? rowNames = null)
    {
        var columns = snapshots.Select(batch => Picture.FromBatch(batch, channels, height, width)).ToArray();
        if (columns.Length == 0) throw new ShapeException("a film strip of no snapshots was asked for; it needs at least one");
        if (columns.FirstOrDefault(column => column.Count != columns[0].Count) is { } odd)
        {
            throw new ShapeException($"a film strip holds batches of one size; found {columns[0].Count} and {odd.Count} images");
        }
        var byRow = Enumerable.Range(0, columns[0].Count).SelectMany(row => columns.Select(column => column[row])).ToArray();
        return Compose(byRow, columns.Length, gap, minimumSide, rowNames);
    }
}
