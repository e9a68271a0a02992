using System.CommandLine;
using System.Diagnostics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit demo</c>: trains, draws, measures, in a few minutes on a CPU.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        Option<string> output = Cli.Option("--out", "The folder for samples.png, trajectory.png, loss.csv and model.safetensors.", "demo");
        Option<string> device = Cli.Option("--device", $"Where to compute: {string.Join(", ", Device.Names)}.", "cpu");
        device.AcceptOnlyFromAmong([.. Device.Names]);
        Option<int> threads = Cli.Threads();
        var command = new Command("demo", "Train a small model on drawn shapes and look at what it draws; a few minutes on a CPU.") { output, device, threads };
        command.SetRun((parsed, cancel) =>
        {
            string folder = parsed.GetRequiredValue(output);
            long began = Stopwatch.GetTimestamp();
            using var opened = Cli.Open(parsed, device, threads);
            using var run = Demo.Create(folder, opened);
            Terminal.WriteLine($"training {run.Trainer.Model.Parameters.Count:N0} parameters on shapes at {Demo.Training.Resolution}×{Demo.Training.Resolution}, {opened.Description}");
            bool finished = TrainingProgress.Show(0, Demo.Training.Steps, report => run.Run(0, report, cancel));
            if (!finished) throw new OperationCanceledException(cancel);
            Terminal.WriteLine("drawing a row of pictures for each class");
            var result = Demo.Draw(run, folder, cancel);
            Terminal.WriteLine($"wrote {folder}: samples.png, trajectory.png, loss.csv, model.safetensors");
            Terminal.WriteLine(FormattableString.Invariant($"class agreement: {result.Agreement * 100:F1} % of {result.Images} generated images"));
            Terminal.WriteLine(FormattableString.Invariant($"held-out real images: {result.RealAgreement * 100:F1} %"));
            Terminal.WriteLine(FormattableString.Invariant($"spread within classes, generated over real: {result.Spread:F2}"));
            Terminal.WriteLine($"took {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s");
            return 0;
        });
        return command;
    }
}
