using System.Globalization;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Reports;

/// <summary>
/// A run as one page of HTML that needs nothing beside itself: no script, no other file, no network, which its own policy forbids. It says how the run stands, draws its curves, shows its sample grids, and lists settings, checkpoints and data.
/// </summary>
public static class ReportPage
{
    /// <summary>The page's name in a run's folder.</summary>
    public const string FileName = "report.html";

    private const int MostGrids = 24;
    private const long MostPictureBytes = 16L << 20;

    private static readonly PageMark s_mark = new("report");

    /// <summary>Whether a file is a page that this program has written.</summary>
    /// <exception cref="FileFormatException">It cannot be read.</exception>
    public static bool IsOne(string path) => s_mark.IsOn(path);

    /// <summary>Writes the page of a run's folder, whole or not at all.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="folder">The folder of a training run, finished or not; it may be running.</param>
    /// <exception cref="PixelDiTException">The folder holds no run, a file of it cannot be read, or the page cannot be written.</exception>
    public static void Write(string path, string folder) => Write(path, RunSummary.Read(folder), DateTimeOffset.UtcNow);

    /// <summary>Writes the page whole or not at all.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="run">The run.</param>
    /// <param name="now">When it is written.</param>
    /// <exception cref="FileFormatException">The file cannot be written, or a picture of the run cannot be read.</exception>
    internal static void Write(string path, RunSummary run, DateTimeOffset now) => AtomicFile.WriteText(path, Compose(run, now));

    /// <summary>The page.</summary>
    /// <param name="run">The run.</param>
    /// <param name="now">When it is written.</param>
    internal static string Compose(RunSummary run, DateTimeOffset now)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(run.Folder)));
        var page = new StringBuilder();
        page.Append($"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{s_mark.Element}\n");
        page.Append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n");
        page.Append($"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{HtmlText.Of(name)} · PixelDiT</title>\n<style>\n{ReportStyle.Sheet}</style>\n</head>\n<body>\n");
        Head(page, run, name, now);
        page.Append("<main>\n");
        Curves(page, run);
        Pictures(page, run);
        Checkpoints(page, run);
        Data(page, run);
        Settings(page, run);
        return page.Append("</main>\n</body>\n</html>\n").ToString();
    }

    private static void Head(StringBuilder page, RunSummary run, string name, DateTimeOffset now)
    {
        var history = run.History;
        string steps = run.PlannedSteps is { } planned ? Invariant($"step {run.Step:N0} of {planned:N0}") : Invariant($"step {run.Step:N0}");
        page.Append($"<header>\n<h1>{HtmlText.Of(name)}</h1>\n<p class=\"state {run.State.ToString().ToLowerInvariant()}\"><strong>{Words(run.State)}</strong>, {steps}</p>\n<dl class=\"facts\">\n");
        double loss = new Curve("", history["loss"], ReportPlots.Smoothing(history.Steps.Count)).Smoothed().LastOrDefault(double.NaN);
        if (double.IsFinite(loss)) Fact("loss, smoothed", loss.ToString("F4", CultureInfo.InvariantCulture));
        if (TimeOf(history) is { } time) Fact("time in training", ReportPlots.Duration(time));
        double speed = history["images_per_second"].Where(double.IsFinite).TakeLast(100).DefaultIfEmpty(double.NaN).Average();
        if (double.IsFinite(speed)) Fact("images a second", speed.ToString(speed < 10 ? "F2" : "F0", CultureInfo.InvariantCulture));
        var marks = ReportPlots.Marks(history);
        if (marks.Skipped.Count > 0) Fact("steps skipped", Invariant($"{marks.Skipped.Count:N0}"));
        if (marks.Resumed.Count > 0) Fact("went on after a stop", marks.Resumed.Count == 1 ? "once" : Invariant($"{marks.Resumed.Count:N0} times"));
        double last = history[RunLog.TimeColumn].LastOrDefault(double.NaN);
        if (double.IsFinite(last)) Fact("last step", Date(DateTimeOffset.UnixEpoch.AddSeconds(last)));
        Fact("page written", Date(now));
        page.Append("</dl>\n</header>\n");

        void Fact(string what, string value) => page.Append($"<div><dt>{what}</dt><dd>{HtmlText.Of(value)}</dd></div>\n");
    }

    private static void Curves(StringBuilder page, RunSummary run)
    {
        page.Append("<section>\n<h2>Curves</h2>\n");
        if (run.History.Steps.Count == 0) page.Append("<p>No step has been made yet.</p>\n");
        else
        {
            var svg = new PlotSvg(run.History.Steps, ReportPlots.Marks(run.History));
            page.Append("<div class=\"plots\">\n");
            foreach (var (number, plot) in ReportPlots.Of(run).Index()) page.Append(svg.Draw(plot, Invariant($"plot{number}")));
            page.Append("</div>\n");
        }
        page.Append("</section>\n");
    }

    private static void Pictures(StringBuilder page, RunSummary run)
    {
        string newest = Path.Combine(run.Folder, RunFolder.SamplesFile);
        var all = run.Grids.Count > 0 ? run.Grids.Select(grid => (Name: Invariant($"step {grid.Step:N0}"), grid.Path)).ToList() : File.Exists(newest) ? [(Name: "the newest", Path: newest)] : [];
        if (all.Count == 0) return;
        page.Append("<section>\n<h2>Pictures</h2>\n<p>The averaged weights draw each grid from the same noise.</p>\n<div class=\"grids\">\n");
        // The first and the last, and of those between as many as there is room for.
        var chosen = all.Count <= MostGrids ? all : [.. Enumerable.Range(0, MostGrids).Select(i => all[(int)Math.Round((double)i * (all.Count - 1) / (MostGrids - 1))])];
        long left = MostPictureBytes;
        var shown = new Dictionary<string, byte[]>();
        foreach (var (_, path) in Enumerable.Reverse(chosen))
        {
            var file = new FileInfo(path);
            if (!file.Exists || file.Length > left || PngHeader.Read(path) is not { } png) continue;
            (shown[path], left) = (png, left - png.Length);
        }
        string rows = run.ClassNames.Count > 0 ? $"; its rows are {string.Join(", ", run.ClassNames.Take(16).Select(Printable.Name))}" : "";
        foreach (var (name, path) in chosen.Where(grid => shown.ContainsKey(grid.Path)))
        {
            var (width, height) = PngHeader.Size(shown[path]);
            page.Append(Invariant($"<figure><img width=\"{width}\" height=\"{height}\" alt=\"{HtmlText.Of($"Sample grid, {name}{rows}")}\" src=\"data:image/png;base64,{Convert.ToBase64String(shown[path])}\"><figcaption>{HtmlText.Of(name)}</figcaption></figure>\n"));
        }
        page.Append("</div>\n");
        if (all.Count > shown.Count) page.Append(Invariant($"<p>{all.Count - shown.Count:N0} of {all.Count:N0} grids are left out, so that the page stays small; they are in the run's folder.</p>\n"));
        page.Append("</section>\n");
    }

    private static void Checkpoints(StringBuilder page, RunSummary run)
    {
        page.Append("<section>\n<h2>Checkpoints</h2>\n");
        if (run.Checkpoints.Count == 0) page.Append("<p>None yet.</p>\n</section>\n");
        else
        {
            page.Append("<table>\n<thead><tr><th scope=\"col\">step</th><th scope=\"col\">folder</th><th scope=\"col\">size</th><th scope=\"col\">written</th></tr></thead>\n<tbody>\n");
            foreach (var checkpoint in run.Checkpoints)
                page.Append(Invariant($"<tr><td class=\"number\">{checkpoint.Step:N0}</td><td>{HtmlText.Of(Path.GetRelativePath(run.Folder, checkpoint.Folder) is "." ? "the run's own" : Path.GetRelativePath(run.Folder, checkpoint.Folder))}</td><td class=\"number\">{checkpoint.Bytes / 1e6:N1} MB</td><td>{Date(new DateTimeOffset(checkpoint.Written, TimeSpan.Zero))}</td></tr>\n"));
            page.Append("</tbody>\n</table>\n</section>\n");
        }
    }

    private static void Data(StringBuilder page, RunSummary run)
    {
        if (run.ClassNames.Count == 0 && run.DataNote is null) return;
        page.Append("<section>\n<h2>Data</h2>\n");
        if (run.DataNote is { } note) page.Append($"<p>{HtmlText.Of(note)}</p>\n");
        if (run.ClassNames.Count > 0)
        {
            bool counted = run.ClassCounts.Count == run.ClassNames.Count && run.ClassCounts.Any(count => count > 0);
            page.Append($"<table>\n<thead><tr><th scope=\"col\">label</th><th scope=\"col\">class</th>{(counted ? "<th scope=\"col\">images</th>" : "")}</tr></thead>\n<tbody>\n");
            foreach (var (label, name) in run.ClassNames.Index()) page.Append(Invariant($"<tr><td class=\"number\">{label}</td><td>{HtmlText.Of(name)}</td>{(counted ? Invariant($"<td class=\"number\">{run.ClassCounts[label]:N0}</td>") : "")}</tr>\n"));
            page.Append("</tbody>\n</table>\n");
        }
        page.Append("</section>\n");
    }

    private static void Settings(StringBuilder page, RunSummary run)
    {
        page.Append("<section>\n<h2>Settings</h2>\n");
        if (run.Settings.Count == 0) page.Append($"<p>The folder has no {RunFolder.ConfigFile}.</p>\n");
        else
        {
            page.Append("<table>\n<thead><tr><th scope=\"col\">option</th><th scope=\"col\">value</th></tr></thead>\n<tbody>\n");
            foreach (var (option, value) in run.Settings) page.Append($"<tr><th scope=\"row\">--{HtmlText.Of(option)}</th><td>{HtmlText.Of(value.ValueKind == System.Text.Json.JsonValueKind.String ? value.GetString()! : value.GetRawText())}</td></tr>\n");
            page.Append("</tbody>\n</table>\n");
        }
        page.Append("</section>\n");
    }

    /// <summary>The time from the first to the last step of each process; null where rows have no time.</summary>
    private static TimeSpan? TimeOf(RunHistory history)
    {
        var rows = history[RunLog.TimeColumn].Zip(history[RunLog.PartColumn]).Where(row => double.IsFinite(row.First)).ToList();
        return rows.Count == 0 ? null : TimeSpan.FromSeconds(rows.GroupBy(row => row.Second).Sum(part => part.Max(row => row.First) - part.Min(row => row.First)));
    }

    private static string Words(RunState state) => state switch
    {
        RunState.Running => "Running",
        RunState.Finished => "Finished",
        RunState.Interrupted => "Interrupted: --resume goes on",
        RunState.Failed => "Failed: gradients were not finite; failure.safetensors has the batch",
        _ => "Not running"
    };

    private static string Date(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
