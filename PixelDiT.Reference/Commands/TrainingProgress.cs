using System.Diagnostics;
using System.Globalization;
using PixelDiT.Reference.Training;
using Spectre.Console;

namespace PixelDiT.Reference.Commands;

/// <summary>Shows a run: a live bar on a terminal, plain lines elsewhere.</summary>
internal static class TrainingProgress
{
    private static readonly TimeSpan s_betweenLines = TimeSpan.FromSeconds(10);

    /// <summary>Runs training under a display.</summary>
    /// <param name="first">Steps taken before.</param>
    /// <param name="steps">Steps in all.</param>
    /// <param name="run">Trains, reporting each step.</param>
    public static bool Show(long first, int steps, Func<Action<StepReport>, bool> run)
    {
        if (!Cli.IsTerminal) return Lines(first, steps, run);
        return AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(display =>
            {
                var bar = display.AddTask("training", maxValue: steps);
                bar.Value = first;
                var mean = new RunningMean();
                return run(report =>
                {
                    bar.Value = report.Step;
                    mean.Add(report);
                    bar.Description = mean.Describe(report, steps);
                });
            });
    }

    private static bool Lines(long first, int steps, Func<Action<StepReport>, bool> run)
    {
        var mean = new RunningMean();
        long began = Stopwatch.GetTimestamp(), last = began;
        return run(report =>
        {
            mean.Add(report);
            if (report.Step != first + 1 && report.Step != steps && Stopwatch.GetElapsedTime(last) < s_betweenLines) return;
            last = Stopwatch.GetTimestamp();
            double left = Stopwatch.GetElapsedTime(began).TotalSeconds / (report.Step - first) * (steps - report.Step);
            Console.WriteLine($"{mean.Describe(report, steps)}, {TimeSpan.FromSeconds(Math.Round(left)):c} left");
        });
    }

    /// <summary>The loss and the speed over the last steps, since single steps jump.</summary>
    private sealed class RunningMean
    {
        private const double Weight = 0.05;

        private double _loss = double.NaN, _speed = double.NaN;

        public void Add(StepReport report)
        {
            _loss = double.IsNaN(_loss) ? report.Loss : _loss + (Weight * (report.Loss - _loss));
            _speed = double.IsNaN(_speed) ? report.ImagesPerSecond : _speed + (Weight * (report.ImagesPerSecond - _speed));
        }

        public string Describe(StepReport report, int steps)
            => string.Create(CultureInfo.InvariantCulture, $"step {report.Step} of {steps}, loss {_loss:F4}, {_speed:F0} images a second");
    }
}
