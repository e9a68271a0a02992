using PixelDiT.Reference.Data;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>A picture of a data source: a row of images for each of the first classes, taken evenly from all of a class.</summary>
internal static class DataSheet
{
    private const int MostClasses = 16, Columns = 8, MostCaptioned = 32;

    // Of a source without end the first images are as good as any.
    private const long MostSearched = 1L << 26;

    /// <summary>Draws the sheet. Where a class has fewer images, its row ends in white.</summary>
    /// <exception cref="Kernels.DataException">An image can no longer be read.</exception>
    public static Picture Draw(IImageSource images, CancellationToken cancel)
    {
        int classes = Math.Min(images.Classes, MostClasses), size = images.Channels * images.Height * images.Width;
        int fitting = Math.Clamp(Grid.Capacity(images.Width, images.Height, images.Channels) / Columns, 1, classes);
        var white = new float[size];
        Array.Fill(white, 1f);
        var cells = new Picture[fitting * Columns];
        Array.Fill(cells, Picture.FromImage(white, images.Channels, images.Height, images.Width));
        var image = new float[size];
        foreach (var (index, cell) in Places(images, fitting))
        {
            cancel.ThrowIfCancellationRequested();
            images.Read(index, image);
            cells[cell] = Picture.FromImage(image, images.Channels, images.Height, images.Width);
        }
        return Grid.Compose(cells, Columns);
    }

    /// <summary>Draws images with captions under them, the first of a source without end, otherwise taken evenly from all.</summary>
    /// <exception cref="Kernels.PixelDiTException">An image can no longer be read.</exception>
    public static Picture Draw(ICaptionedSource images, CancellationToken cancel)
    {
        var (widest, highest) = (images.Sizes.Max(size => size.Width), images.Sizes.Max(size => size.Height));
        int shown = (int)Math.Min(images.Count, Math.Clamp(CaptionedSheet.Capacity(widest, highest, images.Channels), 1, MostCaptioned));
        var (pictures, captions) = (new Picture[shown], new string[shown]);
        for (int i = 0; i < shown; i++)
        {
            cancel.ThrowIfCancellationRequested();
            long index = images.Count > MostSearched ? i : i * images.Count / shown;
            var (height, width) = images.Sizes[images.SizeOf(index)];
            var image = new float[images.Channels * height * width];
            captions[i] = images.Read(index, 0, image);
            pictures[i] = Picture.FromImage(image, images.Channels, height, width);
        }
        return CaptionedSheet.Compose(pictures, captions, Columns);
    }

    /// <summary>The images shown, and where.</summary>
    private static IEnumerable<(long Index, int Cell)> Places(IImageSource images, int classes)
    {
        var (seen, shown) = (new long[classes], new int[classes]);
        bool isEndless = images.Count > MostSearched;
        int left = classes * Columns;
        for (long index = 0; index < Math.Min(images.Count, MostSearched) && left > 0; index++)
        {
            int label = images.Label(index);
            if (label >= classes) continue;
            long count = images.ClassCounts[label], columns = Math.Min(Columns, count);
            long next = isEndless ? shown[label] : shown[label] * count / columns;
            if (shown[label] < columns && seen[label]++ == next)
            {
                yield return (index, (label * Columns) + shown[label]++);
                left--;
            }
        }
    }
}
