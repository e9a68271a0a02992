using System.Globalization;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>What there is to see of a run that trains, as lines of text: one for a log, several for a terminal.</summary>
/// <param name="steps">Steps in all.</param>
/// <param name="clip">The norm at which gradients are clipped; 0 for none.</param>
/// <param name="clock">Tells the time; null for the system's.</param>
internal sealed class TrainingView(int steps, double clip, TimeProvider? clock = null)
{
    // A mean over the last steps, since single steps jump.
    private const double Weight = 0.05;
    private const int PointsShown = 32;
    private const string Between = "   ", Heights = "▁▂▃▄▅▆▇█";

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly TimeLeft _left = new(steps, clock);
    private readonly Course _course = new(PointsShown);
    private double _loss = double.NaN, _speed = double.NaN, _waited = double.NaN;
    private StepReport _last;
    private TimeSpan? _timeLeft;
    private (long Step, long At)? _checkpoint;
    private GridNews? _grid;
    private DrawingNews? _drawing;
    private int _added, _skipped;

    /// <summary>The smoothed loss; NaN before the first step.</summary>
    public double Loss => _loss;

    /// <summary>Steps seen.</summary>
    public int Added => _added;

    /// <summary>Takes a step in.</summary>
    public void Add(StepReport step)
    {
        (_last, _drawing, _timeLeft) = (step, null, _left.At(step.Step));
        if (step.IsSkipped) _skipped++;
        if (float.IsFinite(step.Loss))
        {
            _loss = Mean(_loss, step.Loss);
            _course.Add(_loss);
        }
        // The first step compiles the kernels; its speed says nothing of the others.
        if (++_added == 1) return;
        _speed = Mean(_speed, step.ImagesPerSecond);
        _waited = Mean(_waited, step.DataWait.TotalSeconds);
    }

    /// <summary>Takes in what happened between steps.</summary>
    public void Add(RunNews news)
    {
        if (news is CheckpointNews) _checkpoint = (news.Step, _clock.GetTimestamp());
        _drawing = news as DrawingNews;
        _grid = news as GridNews ?? _grid;
    }

    /// <summary>A line of a log, with the time of day.</summary>
    public string Line() => string.Create(CultureInfo.InvariantCulture,
        $"{_clock.GetLocalNow():HH:mm:ss} step {_last.Step} of {steps}, loss {_loss:F4}, lr {_last.LearningRate:G4}{(double.IsNaN(_speed) ? "" : ProgressDisplay.Speed(_speed))}{(_timeLeft is { } left ? $", {ProgressDisplay.Duration(left)} left" : "")}");

    /// <summary>What stands on a terminal: a bar, and below it what is known, in as many lines as it takes.</summary>
    /// <param name="width">Columns.</param>
    /// <param name="isUnicode">Whether the terminal shows more than ASCII.</param>
    public IReadOnlyList<string> Frame(int width, bool isUnicode)
    {
        string left = _timeLeft is { } time ? $"{Between}{ProgressDisplay.Duration(time)} left" : "";
        var lines = new List<string> { ProgressDisplay.Bar((double)_last.Step / steps, string.Create(CultureInfo.InvariantCulture, $"step {_last.Step:N0} of {steps:N0}{left}"), width, isUnicode) };
        string line = "";
        foreach (string piece in Pieces(isUnicode))
        {
            if (line.Length > 0 && line.Length + Between.Length + piece.Length > width)
            {
                lines.Add(line);
                line = "";
            }
            line += line.Length > 0 ? Between + piece : piece;
        }
        if (line.Length > 0) lines.Add(line);
        return lines;
    }

    private IEnumerable<string> Pieces(bool isUnicode)
    {
        if (_added == 0)
        {
            yield return "the first step compiles the kernels";
            yield break;
        }
        yield return string.Create(CultureInfo.InvariantCulture, $"loss {_loss:F4}{(isUnicode ? $" {_course.Draw(Heights)}" : "")}");
        yield return string.Create(CultureInfo.InvariantCulture, $"gradient norm {_last.GradientNorm:G3}{(clip > 0 ? $" (clip {clip:G3})" : "")}");
        yield return string.Create(CultureInfo.InvariantCulture, $"learning rate {_last.LearningRate:G4}");
        if (!double.IsNaN(_speed)) yield return ProgressDisplay.Speed(_speed).TrimStart(',', ' ');
        if (_waited > 0.0005) yield return string.Create(CultureInfo.InvariantCulture, $"waiting {1000 * _waited:F0} ms a step for data");
        if (_checkpoint is { } kept) yield return string.Create(CultureInfo.InvariantCulture, $"checkpoint of step {kept.Step:N0}, {ProgressDisplay.Duration(_clock.GetElapsedTime(kept.At))} ago");
        if (_drawing is { } drawing) yield return string.Create(CultureInfo.InvariantCulture, $"drawing the pictures of step {drawing.Step:N0}: {(int)drawing.Done} of {drawing.Pictures}");
        else if (_grid is { } grid) yield return string.Create(CultureInfo.InvariantCulture, $"pictures of step {grid.Step:N0}: {grid.Path}, drawn in {ProgressDisplay.Duration(grid.Took)}");
        if (_skipped > 0) yield return $"{Counted.Of(_skipped, "step")} skipped";
    }

    private static double Mean(double mean, double value) => double.IsNaN(mean) ? value : mean + (Weight * (value - mean));

    /// <summary>The course of a number in few points: where there are too many, two become one.</summary>
    private sealed class Course(int most)
    {
        private readonly List<double> _points = [];
        private double _sum;
        private int _count, _span = 1;

        public void Add(double value)
        {
            (_sum, _count) = (_sum + value, _count + 1);
            if (_count < _span) return;
            _points.Add(_sum / _count);
            (_sum, _count) = (0, 0);
            if (_points.Count < most) return;
            for (int i = 0; i < most / 2; i++) _points[i] = (_points[2 * i] + _points[(2 * i) + 1]) / 2;
            _points.RemoveRange(most / 2, _points.Count - (most / 2));
            _span *= 2;
        }

        public string Draw(string heights)
        {
            if (_points.Count == 0) return "";
            double low = _points.Min(), range = _points.Max() - low;
            return string.Concat(_points.Select(point => heights[range > 0 ? (int)Math.Round((point - low) / range * (heights.Length - 1)) : 0]));
        }
    }
}
