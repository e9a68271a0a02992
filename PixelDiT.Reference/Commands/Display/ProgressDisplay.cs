using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Shows long work: a live bar on a terminal, plain lines elsewhere.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan s_betweenLines = TimeSpan.FromSeconds(10);

    /// <summary>Says how much is done, in the unit of the total, and describes it.</summary>
    public delegate void Report(double done, string description);

    /// <summary>Runs work under a display.</summary>
    /// <param name="title">What stands before the bar until the first report.</param>
    /// <param name="total">What will be done in the end.</param>
    /// <param name="run">The work.</param>
    public static T Show<T>(string title, double total, Func<Report, T> run)
    {
        var estimate = new TimeLeft(total);
        if (!Terminal.IsInteractive) return Lines(total, estimate, run);
        return AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .Start(display =>
            {
                var bar = display.AddTask(title, maxValue: total);
                T result = run((done, description) =>
                {
                    bar.Value = done;
                    bar.Description = Terminal.Cell(description + estimate.After(done));
                });
                // The last picture of the bar, so that what is printed next begins on a line of its own.
                display.Refresh();
                return result;
            });
    }

    /// <summary>A time as a person says it: "12 s", "3 min 05 s", "2 h 37 min", "1 d 06 h".</summary>
    public static string Duration(TimeSpan time)
    {
        time = TimeSpan.FromSeconds(Math.Round(Math.Max(0, time.TotalSeconds)));
        return time switch
        {
            { TotalSeconds: < 60 } => $"{time.Seconds} s",
            { TotalMinutes: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{time.Minutes} min {time.Seconds:D2} s"),
            { TotalHours: < 24 } => string.Create(CultureInfo.InvariantCulture, $"{time.Hours} h {time.Minutes:D2} min"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalDays} d {time.Hours:D2} h")
        };
    }

    /// <summary>A speed as a person reads it: images a second, or seconds an image where it takes longer.</summary>
    public static string Speed(double imagesPerSecond) => imagesPerSecond switch
    {
        0 => "",
        >= 10 => string.Create(CultureInfo.InvariantCulture, $", {imagesPerSecond:F0} images a second"),
        >= 1 => string.Create(CultureInfo.InvariantCulture, $", {imagesPerSecond:F1} images a second"),
        _ => string.Create(CultureInfo.InvariantCulture, $", {1 / imagesPerSecond:G3} s an image")
    };

    private static T Lines<T>(double total, TimeLeft estimate, Func<Report, T> run)
    {
        long last = 0;
        return run((done, description) =>
        {
            string left = estimate.After(done);
            if (last != 0 && done < total && Stopwatch.GetElapsedTime(last) < s_betweenLines) return;
            last = Stopwatch.GetTimestamp();
            Terminal.WriteLine(description + left);
        });
    }

    /// <summary>An estimate from the second report on: the first one has seen kernels being compiled, and an earlier part of a run that is not to be counted.</summary>
    private sealed class TimeLeft(double total)
    {
        private double _first = double.NaN;
        private long _began;

        public string After(double done)
        {
            if (double.IsNaN(_first))
            {
                (_first, _began) = (done, Stopwatch.GetTimestamp());
                return "";
            }
            return done > _first && done < total ? $", {Duration(Stopwatch.GetElapsedTime(_began) / (done - _first) * (total - done))} left" : "";
        }
    }
}
