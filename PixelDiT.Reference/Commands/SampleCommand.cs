using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit sample</c>.</summary>
internal static class SampleCommand
{
    private const int LargestBatch = 65536;

    public static Command Create()
    {
        Option<string> file = new("--model") { Description = "A model file: safetensors, or a PyTorch checkpoint.", HelpName = "FILE", Required = true };
        Option<string> output = Cli.Option("--out", "The folder for the images; one run a folder.", "samples");
        Option<int> batch = Cli.Option("--batch", "Images at a time; they do not depend on it.", 32);
        Option<bool> singles = new("--singles") { Description = "Write each image as a PNG of its own too, with its settings in JSON beside it." };
        Option<bool> npz = new("--npz") { Description = "Write all images into one output.npz instead of pictures. Interrupted, the same command goes on." };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace another run in --out." };
        Option<WeightChoice?> weights = Cli.Weights();
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        Option<string> precision = Cli.Precision();
        var options = new SampleOptions();
        var command = new Command("sample", "Draw images of classes. Writes a grid (a row a class) and a film strip of the first image of each class; single PNGs or one npz on request.") { file, weights, output };
        options.AddTo(command);
        foreach (Option option in new Option[] { batch, singles, npz, overwrite, precision, device, threads }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            string path = parsed.GetRequiredValue(output);
            bool isArchive = parsed.GetValue(npz);
            int size = parsed.GetValue(batch);
            options.Check(parsed, isArchive);
            if (size is < 1 or > LargestBatch) throw new ConfigurationException($"batch is {size}; it must be from 1 to {LargestBatch}");
            options.Announce();
            SampleFolder.RequireUsable(path);
            using var opened = Cli.Open(parsed, device, threads);
            var (loaded, info, problem) = WeightsReport.Load(parsed.GetRequiredValue(file), parsed.GetValue(weights), opened);
            using var model = loaded;
            model.Precision = PrecisionNames.Parse(parsed.GetRequiredValue(precision));
            var plan = options.Plan(parsed, isArchive, info, WeightHash.Of(model)) with { Precision = model.Precision };
            StepMemory.RequireSampling(model, plan.Sampling, (int)Math.Min(size, plan.Count), plan.Resolution, plan.Resolution);
            var folder = SampleFolder.Open(path, plan, parsed.GetValue(overwrite));
            var run = new SampleRun(model, plan, folder) { Archive = isArchive, Singles = parsed.GetValue(singles), Batch = size, WeightsProblem = problem };
            Draw(run, plan.Count, path, cancel);
            return 0;
        }, needsLess: "a smaller --batch");
        return command;
    }

    private static void Draw(SampleRun run, long count, string path, CancellationToken cancel)
    {
        run.Validate();
        try
        {
            SamplingProgress.Show(run, count, cancel);
        }
        catch (OperationCanceledException) when (run.Archive || run.Saved > 0)
        {
            Terminal.WriteLine(run.Archive ? $"{run.Saved} of {count} images are in {path}; the same command goes on with them" : $"kept {run.Saved} of {count} images in {path}; the same command begins anew");
            throw;
        }
        Terminal.WriteLine(run.Archive ? $"{count} images are in {Path.Combine(path, ImageArchive.FileName)}" : $"wrote {Counted.Of(count, "image")} to {path}");
    }
}
