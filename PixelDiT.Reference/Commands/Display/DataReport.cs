using System.Diagnostics;
using System.Globalization;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Shards;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Opens a data source and says what it holds and what of it is left out.</summary>
internal static class DataReport
{
    private const long Endless = 1L << 30;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>Whether so many images are more than anybody has: drawings, which are made as they are read.</summary>
    public static bool IsEndless(long count) => count > Endless;

    private static string AmountOf(long count) => IsEndless(count) ? "endless images" : Counted.Of(count, "image");

    /// <summary>Opens a source under a display, and reports.</summary>
    /// <exception cref="Kernels.DataException">It cannot be opened.</exception>
    public static IImageSource Open(string spec, ImageSize size, int channels, SourceOptions options)
    {
        var images = Decode(ImageSources.IsFolder(spec), told => ImageSources.Open(spec, size, channels, options: told), options);
        Terminal.WriteLine($"{images.Name}: {AmountOf(images.Count)} of {images.Height}×{images.Width}, {Counted.Of(images.Classes, "class", "classes")}");
        ShowLeftOut(images.Skipped, images.Count, images.Remarks);
        return images;
    }

    /// <summary>The same for images with captions.</summary>
    /// <exception cref="Kernels.PixelDiTException">It cannot be opened.</exception>
    public static ICaptionedSource OpenCaptioned(string spec, ImageSize size, AspectBuckets? buckets, int channels, SourceOptions options)
    {
        var images = Decode(CaptionedSources.IsFolder(spec), told => CaptionedSources.Open(spec, size, buckets, channels, options: told), options);
        string sizes = images.Sizes.Count == 1 ? $"{images.Sizes[0].Height}×{images.Sizes[0].Width}" : Counted.Of(images.Sizes.Count, "size");
        Terminal.WriteLine($"{images.Name}: {AmountOf(images.Count)} of {sizes}, with captions");
        ShowLeftOut(images.Skipped, images.Count, images.Remarks);
        return images;
    }

    /// <summary>Says what is left out, and what else there is to remark.</summary>
    private static void ShowLeftOut(IReadOnlyList<SkippedImage> left, long remaining, IReadOnlyList<string> remarks)
    {
        const int shown = 10;
        foreach (var skipped in left.Take(shown)) Terminal.Complain($"skipped {skipped.Path}: {skipped.Reason}");
        if (left.Count > shown)
        {
            // The rest by their reasons, without what differs from file to file.
            var groups = left.Skip(shown).GroupBy(skipped => (Path.GetExtension(skipped.Path).ToLowerInvariant(), WithoutNumbers(skipped.Reason))).OrderByDescending(group => group.Count());
            Terminal.Complain($"skipped {left.Count - shown:N0} more: {string.Join("; ", groups.Take(5).Select(group => $"{group.Count():N0} {group.Key.Item1} ({group.First().Reason})"))}{(groups.Count() > 5 ? "; …" : "")}");
        }
        if (left.Count > 0) Terminal.Complain($"{Counted.Of(left.Count, "file or folder", "files or folders")} left out, {Counted.Of(remaining, "image remains", "images remain")}");
        foreach (string remark in remarks) Terminal.Complain($"{remark}");
    }

    private static T Decode<T>(bool readsFiles, Func<SourceOptions, T> open, SourceOptions options)
    {
        if (!readsFiles) return open(options);
        ProgressDisplay.Report? show = null;
        T Run() => open(options with { Progress = (done, total) => Tell(show, done, total) });
        if (!Terminal.IsLive)
        {
            // Lines come only where there is time to read them.
            long began = Stopwatch.GetTimestamp();
            return ProgressDisplay.Show("reading images", 1, report =>
            {
                show = (done, description) =>
                {
                    if (Stopwatch.GetElapsedTime(began) > s_patience) report(done, description);
                };
                return Run();
            });
        }
        return ProgressDisplay.Show("reading images", 1, report =>
        {
            show = report;
            return Run();
        });
    }

    private static void Tell(ProgressDisplay.Report? show, long done, long total)
    {
        // Before the first is done nothing tells how long the rest will take.
        if (done > 0) show?.Invoke((double)done / total, string.Create(CultureInfo.InvariantCulture, $"read {done:N0} of {total:N0} images"));
    }

    private static string WithoutNumbers(string reason) => string.Concat(reason.Where(c => !char.IsAsciiHexDigit(c)));
}
