using System.Globalization;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary>Shows how training goes on.</summary>
internal static class TrainingProgress
{
    /// <summary>Runs training under a display.</summary>
    /// <param name="first">Steps taken before.</param>
    /// <param name="steps">Steps in all.</param>
    /// <param name="run">Trains, reporting each step.</param>
    public static bool Show(long first, int steps, Func<Action<StepReport>, bool> run) => ProgressDisplay.Show("training", first, steps, show =>
    {
        var mean = new RunningMean();
        return run(report =>
        {
            mean.Add(report);
            show(report.Step, mean.Describe(report, steps));
        });
    });

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
