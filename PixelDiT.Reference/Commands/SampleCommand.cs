using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Again;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Commands.Options.Train;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Ranks;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit sample</c>.</summary>
internal static class SampleCommand
{
    public static Command Create()
    {
        Option<string> file = new("--model") { Description = "A model file: safetensors, or a PyTorch checkpoint.", HelpName = "FILE", Required = true };
        Option<string> output = Cli.Option("--out", "The folder for the images; one run a folder.", "samples");
        Option<int> batch = ModelSampling.Batch();
        Option<bool> singles = new("--singles") { Description = "Write each image as a PNG of its own too, with its settings in JSON beside it. [default: of prompts true, unless there is --npz]" };
        Option<bool> npz = new("--npz") { Description = "Write all images into one output.npz instead of pictures. Interrupted, the same command goes on. Under mpirun or srun all ranks draw for it." };
        Option<bool> apng = new("--apng") { Description = "Write animation.png too, an animated PNG (APNG): the first image of each class or prompt on its way from noise, without loss." };
        Option<bool> noMetadata = Cli.NoMetadata();
        Option<string?> again = new("--again") { Description = $"Draw a picture of sample, train or demo again by the record that it carries, into the folder --out [default: {AgainCommand.Folder}], and say whether the bytes are equal. The weights must be the same.", HelpName = "PICTURE" };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace another run in --out." };
        Option<WeightChoice?> weights = Cli.Weights();
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        Option<string> precision = Cli.Precision();
        var options = new SampleOptions();
        var command = new Command("sample", "Draw images of classes or of texts. Writes a grid (a row a class or prompt) and a film strip of the first image of each; single PNGs for prompts, and on request, or one npz. Each PNG carries what made it, for info and --again.") { file, weights, output };
        options.AddTo(command);
        foreach (Option option in new Option[] { batch, singles, npz, apng, noMetadata, again, overwrite, precision, device, threads, new ConfigOption() }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            if (parsed.GetValue(again) is { } picture)
            {
                if ((options.FirstDeciding(parsed) ?? new Option[] { singles, npz, apng, noMetadata, precision }.FirstOrDefault(option => Cli.IsGiven(parsed, option))?.Name) is { } other) throw new ConfigurationException($"--again takes what is drawn from the picture; {other} excludes it");
                DistributedOptions.RequireOne("draw one picture; one process was expected");
                new AgainCommand(parsed, options, picture, parsed.GetRequiredValue(file), Cli.IsGiven(parsed, output) ? parsed.GetRequiredValue(output) : AgainCommand.Folder)
                {
                    Weights = parsed.GetValue(weights),
                    Batch = ModelSampling.BatchOf(parsed, batch),
                    Overwrites = parsed.GetValue(overwrite)
                }.Run(() => Cli.Open(parsed, device, threads), cancel);
                return 0;
            }
            string path = parsed.GetRequiredValue(output);
            bool isArchive = parsed.GetValue(npz), replaces = parsed.GetValue(overwrite);
            int? givenBatch = ModelSampling.BatchOf(parsed, batch);
            if (isArchive && parsed.GetValue(apng)) throw new ConfigurationException("--npz writes no pictures beside the archive; --apng excludes it");
            var prompts = options.Check(parsed);
            SampleFolder.RequireUsable(path);
            if (!isArchive) DistributedOptions.RequireOne("draw into one archive; --npz was expected");
            using var ranks = isArchive ? DistributedOptions.Open() : null;
            bool isFirst = ranks is null or { Rank: 0 };
            using var stored = StoredModel.Open(parsed.GetRequiredValue(file), parsed.GetValue(weights));
            var sizes = stored.Info.Config;
            var plan = options.Plan(parsed, stored, prompts, isArchive) with { Precision = PrecisionNames.Parse(parsed.GetRequiredValue(precision)) };
            int atATime = givenBatch ?? ModelSampling.UsualBatchOf(plan);
            bool hasSingles = Cli.HasValue(parsed, singles) ? parsed.GetValue(singles) : sizes.IsText && !isArchive;
            SampleRun.Require(plan, sizes.Channels, atATime, isArchive, hasSingles);
            RequireOthers(SampleFolder.Open(path, plan, overwrite: true), options.Files(parsed));
            using var opened = RankStart.Agree(ranks, () => DistributedOptions.OpenDevice(ranks, parsed.GetRequiredValue(device), parsed.GetValue(threads)));
            ModelSampling.RequireMemory(opened, sizes, plan, atATime, options.IsOnePass(parsed));

            // The encoder is gone before the model comes: one of them may fill the memory.
            TextStates? states = null;
            if (plan is TextPlan texts)
            {
                using var source = options.Encoder.Open(parsed, sizes, opened, stored.Info.TextEncoder, cancel);
                plan = texts = texts with { Encoder = source.Name, EncoderIdentity = source.Identity };
                SampleFolder.Open(path, plan, replaces);
                states = ModelSampling.Encode(texts, source, sizes, cancel);
            }
            var (loaded, problem) = WeightsReport.Load(stored, opened);
            using var model = loaded;
            model.Precision = plan.Precision;
            plan = plan with { Weights = WeightHash.Of(model) };
            if (ranks is not null) RankStart.RequireSame(ranks, "draw", new Dictionary<string, string> { ["the plan"] = SampleRecord.Run(plan), ["batch"] = $"{atATime}" });
            var drawing = plan is TextPlan text ? new SampleDrawing((TextToImageModel)model, text, states!, options.IsOnePass(parsed)) : new SampleDrawing((PixelDiTModel)model, (ClassPlan)plan);
            RankStart.LeaveAfter(ranks, () =>
            {
                if (isFirst) Draw(new SampleRun(drawing, SampleFolder.Open(path, plan, replaces)) { Archive = isArchive, Singles = hasSingles, Animated = parsed.GetValue(apng), Metadata = !parsed.GetValue(noMetadata), Batch = atATime, WeightsProblem = problem, Ranks = ranks }, plan.Count, path, cancel);
                else RankDrawing.Draw(drawing, ranks!, atATime, cancel);
            });
            return 0;
        }, needsLess: "a smaller --batch");
        return command;
    }

    /// <summary>Checks that the run writes over none of the files that it reads from.</summary>
    private static void RequireOthers(SampleFolder folder, IEnumerable<string?> inputs)
    {
        foreach (string input in inputs.OfType<string>())
        {
            string name = Path.GetFileName(input);
            if (folder.Owns(name)) OutputFile.Require(Path.Combine(folder.Path, name), overwrite: true, input);
        }
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
