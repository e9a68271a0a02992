using System.Diagnostics;
using System.Globalization;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Shows long work: a live bar on a terminal, plain lines elsewhere.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan s_betweenLines = TimeSpan.FromSeconds(10), s_betweenFrames = TimeSpan.FromMilliseconds(100);

    /// <summary>Says how much is done, in the unit of the total, and describes it.</summary>
    public delegate void Report(double done, string description);

    /// <summary>Runs work under a display.</summary>
    /// <param name="title">What stands before the bar until the first report.</param>
    /// <param name="total">What will be done in the end.</param>
    /// <param name="run">The work.</param>
    public static T Show<T>(string title, double total, Func<Report, T> run)
    {
        var estimate = new TimeLeft(total);
        if (!Terminal.IsLive) return Lines(total, estimate, run);
        double share = 0;
        string text = title;
        long last = 0;
        return Terminal.ShowLive((width, isUnicode) => [Bar(share, text, width, isUnicode)], draw => run((done, description) =>
        {
            (share, text) = (total > 0 ? done / total : 1, description + estimate.After(done));
            if (share < 1 && last != 0 && Stopwatch.GetElapsedTime(last) < s_betweenFrames) return;
            last = Stopwatch.GetTimestamp();
            draw();
        }));
    }

    /// <summary>A bar with a text behind it.</summary>
    /// <param name="share">What is done, from 0 to 1.</param>
    /// <param name="text">What stands behind.</param>
    /// <param name="width">Columns of both.</param>
    /// <param name="isUnicode">Whether the terminal shows more than ASCII.</param>
    public static string Bar(double share, string text, int width, bool isUnicode)
    {
        const int narrowest = 10, widest = 60;
        share = Math.Clamp(share, 0, 1);
        text = string.Create(CultureInfo.InvariantCulture, $" {Math.Floor(100 * share)} %   {text}");
        int columns = Math.Clamp(width - text.Length, narrowest, widest), done = (int)(columns * share);
        return new string(isUnicode ? '━' : '#', done) + new string(isUnicode ? '─' : '-', columns - done) + text;
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
}
