using System.Diagnostics;
using System.Globalization;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Shows how training goes on, and says what came of it.</summary>
internal static class TrainingProgress
{
    private const int BlocksShown = 4;

    private static readonly TimeSpan s_betweenFrames = TimeSpan.FromMilliseconds(100), s_betweenLines = TimeSpan.FromSeconds(10);

    /// <summary>Trains under a display, and says where the run begins and what it wrote.</summary>
    /// <param name="run">The run.</param>
    /// <param name="folder">Its folder, as it was given.</param>
    /// <param name="checkpointEvery">Steps between checkpoints; 0 writes at the end only.</param>
    /// <param name="cancel">Stops after the step in hand.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled; what it has is saved.</exception>
    public static void Train(TrainingRun run, string folder, int checkpointEvery, CancellationToken cancel)
    {
        int steps = run.Trainer.Config.Steps;
        long first = run.Trainer.Optimizer.Steps, began = Stopwatch.GetTimestamp();
        foreach (string remark in run.Remarks) Terminal.Complain(remark);
        if (first == steps)
        {
            run.Run(checkpointEvery, _ => { }, cancel, Terminal.Complain);
            Terminal.WriteLine($"{folder} is at step {first} of {steps}, its last");
            return;
        }
        if (first > 0) Terminal.WriteLine($"going on from step {first} of {steps}");
        var view = new TrainingView(steps, run.Trainer.Config.Came?.Clip ?? run.Trainer.Config.Optimizer.Clip);
        bool finished = Terminal.IsLive
            ? Terminal.ShowLive((width, isUnicode) => view.Frame(width, isUnicode), draw => Run(run, checkpointEvery, view, AtMostEvery(s_betweenFrames, draw), _ => { }, cancel))
            : Run(run, checkpointEvery, view, AtMostEvery(s_betweenLines, () => Terminal.WriteLine(view.Line())), Tell, cancel);
        if (run.HasTrained) Terminal.WriteLine($"wrote {run.ModelPath} after step {run.Trainer.Optimizer.Steps}");
        if (view.Added > 0) Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"trained {Counted.Of(view.Added, "step")} in {ProgressDisplay.Duration(Stopwatch.GetElapsedTime(began))}; the mean loss of the last steps is {view.Loss:F4}"));
        if (finished) return;
        Terminal.Complain(run.HasTrained || first > 0 ? $"stopped at step {run.Trainer.Optimizer.Steps} of {steps}; --resume --out {folder} goes on" : "stopped before the first step; nothing was written");
        throw new OperationCanceledException(cancel);
    }

    /// <summary>Draws the sample grid under a display.</summary>
    public static void DrawSamples(TrainingRun run, SamplingConfig sampling, CancellationToken cancel)
    {
        int images = run.Data.Samples.Count;
        string path = run.SamplesPath;
        Terminal.WriteLine($"drawing {Counted.Of(images, "image")}, {run.Data.SamplesInWords}, with {sampling.Steps} steps; --sample-steps 0 leaves them out");
        try
        {
            ProgressDisplay.Show("drawing", images, show =>
            {
                run.DrawSamples(sampling, (done, total) => show(done, string.Create(CultureInfo.InvariantCulture, $"image {(int)done} of {total}")), cancel);
                return true;
            });
        }
        catch (OperationCanceledException)
        {
            Terminal.Complain("the drawing was stopped; the model is written");
            throw;
        }
        Terminal.WriteLine($"wrote {path}");
    }

    private static bool Run(TrainingRun run, int checkpointEvery, TrainingView view, Action<bool> draw, Action<RunNews> tell, CancellationToken cancel)
    {
        int steps = run.Trainer.Config.Steps;
        bool finished = run.Run(checkpointEvery, report =>
        {
            Say(report);
            view.Add(report);
            draw(report.Step == steps);
        }, cancel, Terminal.Complain, news =>
        {
            view.Add(news);
            tell(news);
            if (news is not DrawingNews || Terminal.IsLive) draw(news is not DrawingNews && Terminal.IsLive);
        });
        return finished;
    }

    /// <summary>Does something no more often than so, but for the first time and where it must be done.</summary>
    private static Action<bool> AtMostEvery(TimeSpan between, Action act)
    {
        long last = 0;
        return must =>
        {
            if (!must && last != 0 && Stopwatch.GetElapsedTime(last) < between) return;
            last = Stopwatch.GetTimestamp();
            act();
        };
    }

    /// <summary>What a log says of the pictures between steps.</summary>
    private static void Tell(RunNews news)
    {
        if (news is GridNews grid) Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"wrote {grid.Path} after step {grid.Step}, drawn in {ProgressDisplay.Duration(grid.Took)}"));
    }

    /// <summary>Says what a person who watches a run should look at.</summary>
    private static void Say(StepReport step)
    {
        if (step.IsSkipped) Terminal.Complain(string.Create(CultureInfo.InvariantCulture, $"step {step.Step}: the loss is {step.Loss} and the norm of the gradients {step.GradientNorm}; nothing is updated by it"));
        if (step.HeldOut is { } heldOut) Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"step {step.Step}: the loss of held-out images is {heldOut.Averaged:F4} with the averaged weights, {heldOut.Raw:F4} with those in training"));
        if (step.SpikeOver is not { } usual) return;
        string blocks = step.BlockNorms.Count == 0 ? "" : $"; gradients of {string.Join(", ", step.BlockNorms.Take(BlocksShown).Select(block => string.Create(CultureInfo.InvariantCulture, $"{block.Block} {block.Norm:G3}")))}";
        Terminal.Complain(string.Create(CultureInfo.InvariantCulture, $"step {step.Step}: the loss {step.Loss:G4} is {step.Loss / usual:F1} times that of the steps before, {usual:G4}; the norm of all gradients is {step.GradientNorm:G4}{blocks}"));
    }
}
