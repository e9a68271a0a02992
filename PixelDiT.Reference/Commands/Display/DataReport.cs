using System.Diagnostics;
using System.Globalization;
using PixelDiT.Reference.Data;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Opens a data source and says what it holds and what of it is left out.</summary>
internal static class DataReport
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>Opens a source under a display, and reports.</summary>
    /// <exception cref="Kernels.DataException">It cannot be opened.</exception>
    public static IImageSource Open(string spec, int resolution, int channels, SourceOptions options)
    {
        var images = Decode(spec, resolution, channels, options);
        Terminal.WriteLine($"{images.Name}: {(images.Count > 1L << 30 ? "endless images" : Counted.Of(images.Count, "image"))} of {images.Height}×{images.Width}, {Counted.Of(images.Classes, "class", "classes")}");
        ShowLeftOut(images);
        return images;
    }

    /// <summary>Says what is left out, and what else there is to remark.</summary>
    public static void ShowLeftOut(IImageSource images)
    {
        const int shown = 10;
        foreach (var skipped in images.Skipped.Take(shown)) Terminal.Complain($"skipped {skipped.Path}: {skipped.Reason}");
        if (images.Skipped.Count > shown)
        {
            // The rest by their reasons, without what differs from file to file.
            var groups = images.Skipped.Skip(shown).GroupBy(skipped => (Path.GetExtension(skipped.Path).ToLowerInvariant(), WithoutNumbers(skipped.Reason))).OrderByDescending(group => group.Count());
            Terminal.Complain($"skipped {images.Skipped.Count - shown:N0} more: {string.Join("; ", groups.Take(5).Select(group => $"{group.Count():N0} {group.Key.Item1} ({group.First().Reason})"))}{(groups.Count() > 5 ? "; …" : "")}");
        }
        if (images.Skipped.Count > 0) Terminal.Complain($"{Counted.Of(images.Skipped.Count, "file or folder", "files or folders")} left out, {Counted.Of(images.Count, "image remains", "images remain")}");
        foreach (string remark in images.Remarks) Terminal.Complain($"{remark}");
    }

    private static IImageSource Decode(string spec, int resolution, int channels, SourceOptions options)
    {
        if (!ImageSources.IsFolder(spec)) return ImageSources.Open(spec, resolution, channels, options: options);
        ProgressDisplay.Report? show = null;
        IImageSource Run() => ImageSources.Open(spec, resolution, channels, options: options with { Progress = (done, total) => Tell(show, done, total) });
        if (!Terminal.IsInteractive)
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
