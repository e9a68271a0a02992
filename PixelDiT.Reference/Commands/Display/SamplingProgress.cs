using System.Diagnostics;
using System.Globalization;
using PixelDiT.Reference.Sampling;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Shows how sampling goes on.</summary>
internal static class SamplingProgress
{
    /// <summary>Draws a run's images under a display.</summary>
    public static void Show(SampleRun run, long total, CancellationToken cancel) => ProgressDisplay.Show("sampling", total, show =>
    {
        long began = 0;
        double first = 0;
        run.Draw(report =>
        {
            // The first report comes with the noise, when reading an earlier part of the run is over.
            if (began == 0) (began, first) = (Stopwatch.GetTimestamp(), report.Work);
            double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds, speed = seconds > 0 ? (report.Work - first) / seconds : 0;
            show(report.Work, string.Create(CultureInfo.InvariantCulture, $"image {report.Images} of {report.Total}{ProgressDisplay.Speed(speed)}"));
        }, cancel);
        return run.Saved;
    });
}
