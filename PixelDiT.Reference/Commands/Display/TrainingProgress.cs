using System.Globalization;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Shows how training goes on, and says what came of it.</summary>
internal static class TrainingProgress
{
    private const int BlocksShown = 4;

    /// <summary>Trains under a display, and says where the run begins and what it wrote.</summary>
    /// <param name="run">The run.</param>
    /// <param name="folder">Its folder, as it was given.</param>
    /// <param name="checkpointEvery">Steps between checkpoints; 0 writes at the end only.</param>
    /// <param name="cancel">Stops after the step in hand.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled; what it has is saved.</exception>
    public static void Train(TrainingRun run, string folder, int checkpointEvery, CancellationToken cancel)
    {
        int steps = run.Trainer.Config.Steps;
        long first = run.Trainer.Optimizer.Steps;
        foreach (string remark in run.Remarks) Terminal.Complain(remark);
        if (first == steps)
        {
            run.Run(checkpointEvery, _ => { }, cancel, Terminal.Complain);
            Terminal.WriteLine($"{folder} is at step {first} of {steps}, its last");
            return;
        }
        if (first > 0) Terminal.WriteLine($"going on from step {first} of {steps}");
        bool finished = Show(steps, report => run.Run(checkpointEvery, report, cancel, Terminal.Complain));
        if (run.HasTrained) Terminal.WriteLine($"wrote {run.ModelPath} after step {run.Trainer.Optimizer.Steps}");
        if (finished) return;
        Terminal.Complain(run.HasTrained || first > 0 ? $"stopped at step {run.Trainer.Optimizer.Steps} of {steps}; --resume --out {folder} goes on" : "stopped before the first step; nothing was written");
        throw new OperationCanceledException(cancel);
    }

    /// <summary>Draws the sample grid under a display.</summary>
    public static void DrawSamples(TrainingRun run, SamplingConfig sampling, CancellationToken cancel)
    {
        int images = run.Data.Samples.Count;
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
        Terminal.WriteLine($"wrote {run.SamplesPath}");
    }

    private static bool Show(int steps, Func<Action<StepReport>, bool> run) => ProgressDisplay.Show("training", steps, show =>
    {
        var mean = new RunningMean();
        return run(report =>
        {
            Say(report);
            mean.Add(report);
            show(report.Step, mean.Describe(report, steps));
        });
    });

    /// <summary>Says what a person who watches a run should look at.</summary>
    private static void Say(StepReport step)
    {
        if (step.IsSkipped) Terminal.Complain(string.Create(CultureInfo.InvariantCulture, $"step {step.Step}: the loss is {step.Loss} and the norm of the gradients {step.GradientNorm}; nothing is updated by it"));
        if (step.SpikeOver is not { } usual) return;
        string blocks = step.BlockNorms.Count == 0 ? "" : $"; gradients of {string.Join(", ", step.BlockNorms.Take(BlocksShown).Select(block => string.Create(CultureInfo.InvariantCulture, $"{block.Block} {block.Norm:G3}")))}";
        Terminal.Complain(string.Create(CultureInfo.InvariantCulture, $"step {step.Step}: the loss {step.Loss:G4} is {step.Loss / usual:F1} times that of the steps before, {usual:G4}; the norm of all gradients is {step.GradientNorm:G4}{blocks}"));
    }

    /// <summary>The loss and the speed over the last steps, since single steps jump.</summary>
    private sealed class RunningMean
    {
        private const double Weight = 0.05;

        private double _loss = double.NaN, _speed = double.NaN;
        private int _steps;

        public void Add(StepReport report)
        {
            if (float.IsFinite(report.Loss)) _loss = double.IsNaN(_loss) ? report.Loss : _loss + (Weight * (report.Loss - _loss));
            // The first step compiles the kernels; its speed says nothing of the others.
            if (++_steps == 1) return;
            _speed = double.IsNaN(_speed) ? report.ImagesPerSecond : _speed + (Weight * (report.ImagesPerSecond - _speed));
        }

        public string Describe(StepReport report, int steps)
            => string.Create(CultureInfo.InvariantCulture, $"step {report.Step} of {steps}, loss {_loss:F4}{(double.IsNaN(_speed) ? "" : ProgressDisplay.Speed(_speed))}");
    }
}
