using System.CommandLine;
using System.Diagnostics;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;
using static System.FormattableString;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit demo</c>: trains, draws, measures, in a few minutes on a CPU.</summary>
internal static class DemoCommand
{
    private const int CheckpointEvery = 1000;

    public static Command Create()
    {
        Option<string> output = Cli.Option("--out", "The folder for samples.png, trajectory.png (words.png and edits.png with --text), loss.csv and model.safetensors.", "demo");
        Option<bool> text = new("--text") { Description = "Train a text-to-image model on captioned drawings, ask it for what it was shown and for what it never was, and edit drawings with it." };
        Option<bool> resume = new("--resume") { Description = "Go on with the demonstration in --out." }, overwrite = new("--overwrite") { Description = "Replace the run in --out." };
        Option<string> device = Cli.Device("cpu");
        Option<int> threads = Cli.Threads();
        var command = new Command("demo", "Train a small model on drawn shapes and look at what it draws; a few minutes on a CPU.") { output, text, resume, overwrite, device, threads };
        command.SetRun((parsed, cancel) =>
        {
            string folder = parsed.GetRequiredValue(output);
            if (folder.Length == 0) throw new ConfigurationException("--out is ''; a folder was expected");
            if (parsed.GetValue(resume) && parsed.GetValue(overwrite)) throw new ConfigurationException("--resume and --overwrite exclude each other");
            var existing = parsed.GetValue(resume) ? ExistingRun.Resume : parsed.GetValue(overwrite) ? ExistingRun.Replace : ExistingRun.Refuse;
            long began = Stopwatch.GetTimestamp();
            using var opened = Cli.Open(parsed, device, threads);
            using var run = parsed.GetValue(text) ? TextDemo.Create(folder, opened, existing) : Demo.Create(folder, opened, existing);
            Terminal.WriteLine($"training {run.Trainer.Model.Parameters.Count:N0} parameters on {(parsed.GetValue(text) ? "captioned shapes" : "shapes")} at {run.Trainer.Config.Size}, {opened.Description}");
            TrainingProgress.Train(run, folder, CheckpointEvery, cancel);
            if (parsed.GetValue(text)) DrawText(run, folder, cancel);
            else DrawClasses(run, folder, cancel);
            Terminal.WriteLine(Invariant($"took {ProgressDisplay.Duration(Stopwatch.GetElapsedTime(began))}"));
            return 0;
        });
        return command;
    }

    private static void DrawClasses(TrainingRun run, string folder, CancellationToken cancel)
    {
        Terminal.WriteLine("drawing a row of pictures for each class");
        var result = ProgressDisplay.Show("drawing", Demo.Images, show => Demo.Draw(run, (done, total) => show(done, Invariant($"image {(int)done} of {total}")), cancel));
        Terminal.WriteLine($"wrote {folder}: samples.png, trajectory.png, loss.csv, model.safetensors");
        Terminal.WriteLine(Invariant($"class agreement: {result.Agreement * 100:F1} % of {result.Images} generated images"));
        Terminal.WriteLine(Invariant($"held-out real images: {result.RealAgreement * 100:F1} %"));
        Terminal.WriteLine(Invariant($"spread within classes, generated over real: {result.Spread:F2}"));
    }

    private static void DrawText(TrainingRun run, string folder, CancellationToken cancel)
    {
        Terminal.WriteLine("drawing prompts that training has shown, and prompts that it never has");
        var result = ProgressDisplay.Show("drawing", TextDemo.Images, show => TextDemo.Draw(run, (done, total) => show(done, Invariant($"picture {(int)done} of {total}")), cancel));
        Terminal.WriteLine("editing held-out drawings: another colour for a figure");
        var edits = ProgressDisplay.Show("editing", DrawingEdits.Count, show =>
        {
            using var model = (TextToImageModel)run.Averaged();
            return DrawingEdits.Make(model, ((CaptionedData)run.Data).Encoder, report: done => show(done, Invariant($"edit {(int)done} of {DrawingEdits.Count}")), cancel: cancel);
        });
        PngWriter.Write(run.EditsPath, DrawingEdits.Sheet(edits));
        Terminal.WriteLine($"wrote {folder}: samples.png, {RunFolder.WordsFile}, {RunFolder.EditsFile}, loss.csv, model.safetensors");
        foreach (var kind in result.Kinds)
            Terminal.WriteLine(Invariant($"{kind.Kind}: {kind.Agreement * 100:F1} % of {kind.Pictures} pictures show all that is said; real pictures {kind.Real * 100:F1} %, chance {kind.Chance * 100:F1} %"));
        Terminal.WriteLine(Invariant($"agreement with prompts, shown: {result.Agreement(shown: true) * 100:F1} %"));
        Terminal.WriteLine(Invariant($"agreement with prompts, never shown: {result.Agreement(shown: false) * 100:F1} %"));
        Terminal.WriteLine(Invariant($"held-out real pictures: {result.Real * 100:F1} %; chance: {result.Chance * 100:F1} %"));
        Terminal.WriteLine(Invariant($"spread within prompts, generated over real: {result.Spread:F2}"));
        Terminal.WriteLine(Invariant($"edits that take the new colour: {100.0 * edits.Count(edit => edit.HasNewColour) / edits.Count:F1} % of {edits.Count}; and leave all else that is said: {100.0 * edits.Count(edit => edit.IsRight) / edits.Count:F1} %"));
        Terminal.WriteLine(Invariant($"mean squared error outside the edited figures: {edits.Average(edit => edit.Measure.Outside!.MeanSquaredError):0.000000}; JPEG of quality {EditRecord.Qualities[0]} of the drawings: {edits.Average(edit => edit.Jpeg.Outside!.MeanSquaredError):0.000000}"));
    }
}
