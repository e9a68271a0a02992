using System.Diagnostics;
using Spectre.Console;

namespace PixelDiT.Reference.Commands;

/// <summary>Shows long work: a live bar on a terminal, plain lines elsewhere.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan s_betweenLines = TimeSpan.FromSeconds(10);

    /// <summary>Says how much is done, in the unit of the total, and describes it.</summary>
    public delegate void Report(double done, string description);

    /// <summary>Runs work under a display.</summary>
    /// <param name="title">What stands before the bar until the first report.</param>
    /// <param name="first">What was done before; null where the first report tells.</param>
    /// <param name="total">What will be done in the end.</param>
    /// <param name="run">The work.</param>
    public static T Show<T>(string title, double? first, double total, Func<Report, T> run)
    {
        if (!Terminal.IsInteractive) return Lines(first, total, run);
        return AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(display =>
            {
                var bar = display.AddTask(title, maxValue: total);
                bar.Value = first ?? 0;
                return run((done, description) =>
                {
                    bar.Value = done;
                    bar.Description = description;
                });
            });
    }

    private static T Lines<T>(double? first, double total, Func<Report, T> run)
    {
        long began = Stopwatch.GetTimestamp(), last = 0;
        return run((done, description) =>
        {
            if (first is not { } start)
            {
                (first, began) = (done, Stopwatch.GetTimestamp());
                return;
            }
            if (last != 0 && done < total && Stopwatch.GetElapsedTime(last) < s_betweenLines) return;
            last = Stopwatch.GetTimestamp();
            double left = Stopwatch.GetElapsedTime(began).TotalSeconds / (done - start) * (total - done);
            Terminal.WriteLine($"{description}, {TimeSpan.FromSeconds(Math.Round(left)):c} left");
        });
    }
}
