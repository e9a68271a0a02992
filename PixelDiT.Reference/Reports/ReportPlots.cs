using System.Globalization;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Reports;

/// <summary>Which plots a run has.</summary>
internal static class ReportPlots
{
    private const int LeastSmoothing = 5, MostSmoothing = 500, SmoothingsInARun = 40;

    /// <summary>The plots, the most telling first; those of columns that the rows do not have are left out.</summary>
    public static IEnumerable<Plot> Of(RunSummary run)
    {
        var history = run.History;
        int smoothing = Smoothing(history.Steps.Count);
        yield return new Plot("Loss", "", [new Curve("loss", history["loss"], smoothing, ShowsRange: true)]) { MayBeLogarithmic = true };
        string[] bands = [.. Enumerable.Range(0, LossBands.Count).Select(RunLog.BandColumn)];
        if (bands.Any(history.Has)) yield return new Plot("Loss by t, where 0 is noise and 1 is data", "", [.. bands.Select((column, band) => new Curve($"t {LossBands.Names[band]}", history[column], smoothing))]) { MayBeLogarithmic = true };
        if (history.Has(RunLog.HeldOutColumn)) yield return new Plot("Loss of held-out images", "", [new Curve("averaged weights", history[RunLog.HeldOutColumn]), new Curve("weights in training", history[RunLog.HeldOutRawColumn])]) { MayBeLogarithmic = true };
        if (history.Has(RunLog.AlignmentColumn)) yield return new Plot("Loss of the alignment", "", [new Curve("alignment", history[RunLog.AlignmentColumn], smoothing, ShowsRange: true)]);
        yield return new Plot("Norm of all gradients", "", [new Curve("norm", history["grad_norm"], smoothing, ShowsRange: true)]) { Level = Clip(run) is > 0 and var clip ? ("clipped at", clip) : null, MayBeLogarithmic = true };
        yield return new Plot("Learning rate", "", [new Curve("learning rate", history["lr"])]);
        yield return new Plot("Speed", "images a second", [new Curve("images a second", history["images_per_second"], smoothing)]);
        if (history.Has(RunLog.WaitColumn)) yield return new Plot("Waiting for data", "milliseconds a step", [new Curve("wait", [.. history[RunLog.WaitColumn].Select(seconds => 1000 * seconds)], smoothing)]);
        if (history.Has(RunLog.ProcessColumn)) yield return new Plot("Memory", "MiB", [new Curve("device", history[RunLog.DeviceColumn]), new Curve("process", history[RunLog.ProcessColumn])]);
    }

    /// <summary>What happened to the run.</summary>
    public static PlotMarks Marks(RunHistory history)
    {
        var parts = history[RunLog.PartColumn];
        var norms = history["grad_norm"];
        var (skipped, resumed) = (new List<long>(), new List<long>());
        for (int i = 0; i < history.Steps.Count; i++)
        {
            if (!double.IsFinite(norms[i])) skipped.Add(history.Steps[i]);
            // Rows of an earlier version do not say their part; what follows them went on.
            if (i > 0 && double.IsFinite(parts[i]) && parts[i] != (double.IsFinite(parts[i - 1]) ? parts[i - 1] : 1)) resumed.Add(history.Steps[i]);
        }
        return new(skipped, resumed);
    }

    /// <summary>Steps over which curves are smoothed: more of a long run.</summary>
    public static int Smoothing(int rows) => Math.Clamp(rows / SmoothingsInARun, LeastSmoothing, MostSmoothing);

    /// <summary>A time as a person says it.</summary>
    public static string Duration(TimeSpan time) => time.TotalMinutes < 1 ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F0} s")
        : time.TotalHours < 1 ? string.Create(CultureInfo.InvariantCulture, $"{time.Minutes} min {time.Seconds:D2} s")
        : time.TotalDays < 1 ? string.Create(CultureInfo.InvariantCulture, $"{time.Hours} h {time.Minutes:D2} min")
        : string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalDays} d {time.Hours:D2} h");

    /// <summary>The norm at which gradients are clipped; CAME has its own where none is given.</summary>
    private static double? Clip(RunSummary run) => run.Number("clip") ?? (run.Text("optimizer") == "came" ? new CameConfig().Clip : null);
}
