using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.HeldOut;
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
        Option<bool> resume = new("--resume") { Description = "Go on with the demonstration in --out." }, overwrite = new("--overwrite") { Description = "Replace the run in --out." }, noMetadata = Cli.NoMetadata();
        Option<string?> measure = new("--measure") { Description = "Train nothing; measure the class model of a run of train by images of its data that it has not seen, as the demonstration is measured.", HelpName = "DIR" };
        Option<string> device = Cli.Device("cpu");
        Option<int> threads = Cli.Threads();
        var command = new Command("demo", "Train a small model on drawn shapes and look at what it draws; a few minutes on a CPU.") { output, text, resume, overwrite, noMetadata, measure, device, threads };
        command.SetRun((parsed, cancel) =>
        {
            if (parsed.GetValue(measure) is { } measured)
            {
                if (new Option[] { output, text, resume, overwrite, noMetadata }.FirstOrDefault(option => Cli.IsGiven(parsed, option)) is { } other) throw new ConfigurationException($"--measure and {other.Name} exclude each other");
                using var there = Cli.Open(parsed, device, threads);
                Measure(measured, there, cancel);
                return 0;
            }
            string folder = parsed.GetRequiredValue(output);
            if (folder.Length == 0) throw new ConfigurationException("--out is ''; a folder was expected");
            if (parsed.GetValue(resume) && parsed.GetValue(overwrite)) throw new ConfigurationException("--resume and --overwrite exclude each other");
            var existing = parsed.GetValue(resume) ? ExistingRun.Resume : parsed.GetValue(overwrite) ? ExistingRun.Replace : ExistingRun.Refuse;
            long began = Stopwatch.GetTimestamp();
            using var opened = Cli.Open(parsed, device, threads);
            using var run = parsed.GetValue(text) ? TextDemo.Create(folder, opened, existing) : Demo.Create(folder, opened, existing);
            Terminal.WriteLine($"training {run.Trainer.Model.Parameters.Count:N0} parameters on {(parsed.GetValue(text) ? "captioned shapes" : "shapes")} at {run.Trainer.Config.Size}, {opened.Description}");
            TrainingProgress.Train(run, folder, CheckpointEvery, cancel);
            bool metadata = !parsed.GetValue(noMetadata);
            if (parsed.GetValue(text)) DrawText(run, folder, metadata, cancel);
            else DrawClasses(run, folder, metadata, cancel);
            Terminal.WriteLine(Invariant($"took {ProgressDisplay.Duration(Stopwatch.GetElapsedTime(began))}"));
            return 0;
        });
        return command;
    }

    private static void Measure(string path, Device device, CancellationToken cancel)
    {
        if (RunFolder.SettingsOf(path)?.FirstOrDefault(setting => setting.Option == "data").Value is not { ValueKind: JsonValueKind.String } data)
            throw new ConfigurationException($"--measure is {Quote.Text(path)}; the folder of a run of train was expected");
        using var stored = StoredModel.Open(path);
        stored.Require(text: false, "--measure takes");
        if (stored.Info.Size is not { } size) throw new ConfigurationException($"{path}: does not say the size of its images, so there are none to measure it with");
        string spec = data.GetString()!;
        var source = ImageSources.Open(spec, size, stored.Info.Config.Channels, ImagePart.HeldOut, ImageSources.IsDrawn(spec) ? null : new SourceOptions { Resize = RunFolder.ResizeOf(path) });
        using var model = (PixelDiTModel)WeightsReport.Load(stored, device).Model;
        Terminal.WriteLine($"measuring with {source.Name} at {size}, the part held out");
        var result = ProgressDisplay.Show("drawing", HeldOutMeasure.ImagesOf(source), show => HeldOutMeasure.Of(model, source, Demo.Sampling, (done, total) => show(done, Invariant($"image {(int)done} of {total}")), cancel));
        Terminal.WriteLine(Invariant($"held-out loss: {result.Loss:F4}"));
        SayAgreement(result.Agreement, result.Images, result.RealAgreement, result.Spread);
    }

    private static void SayAgreement(double agreement, int images, double real, double spread)
    {
        Terminal.WriteLine(Invariant($"class agreement: {agreement * 100:F1} % of {images} generated images"));
        Terminal.WriteLine(Invariant($"held-out real images: {real * 100:F1} %"));
        Terminal.WriteLine(Invariant($"spread within classes, generated over real: {spread:F2}"));
    }

    private static void DrawClasses(TrainingRun run, string folder, bool metadata, CancellationToken cancel)
    {
        Terminal.WriteLine("drawing a row of pictures for each class");
        var result = ProgressDisplay.Show("drawing", Demo.Images, show => Demo.Draw(run, (done, total) => show(done, Invariant($"image {(int)done} of {total}")), cancel, metadata));
        Terminal.WriteLine($"wrote {folder}: samples.png, trajectory.png, loss.csv, model.safetensors");
        SayAgreement(result.Agreement, result.Images, result.RealAgreement, result.Spread);
    }

    private static void DrawText(TrainingRun run, string folder, bool metadata, CancellationToken cancel)
    {
        Terminal.WriteLine("drawing prompts that training has shown, and prompts that it never has");
        var result = ProgressDisplay.Show("drawing", TextDemo.Images, show => TextDemo.Draw(run, (done, total) => show(done, Invariant($"picture {(int)done} of {total}")), cancel, metadata));
        Terminal.WriteLine("editing held-out drawings: another colour for a figure");
        IReadOnlyList<PngText>? texts = null;
        var edits = ProgressDisplay.Show("editing", DrawingEdits.Count, show =>
        {
            using var model = (TextToImageModel)run.Averaged();
            if (metadata) texts = DrawingEdits.Texts(model, ((CaptionedData)run.Data).Encoder);
            return DrawingEdits.Make(model, ((CaptionedData)run.Data).Encoder, report: done => show(done, Invariant($"edit {(int)done} of {DrawingEdits.Count}")), cancel: cancel);
        });
        PngWriter.Write(run.EditsPath, DrawingEdits.Sheet(edits), texts);
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
