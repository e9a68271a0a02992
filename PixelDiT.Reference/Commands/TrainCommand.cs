using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Commands.Options.Train;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Text.Tokenizers;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Alignment;
using PixelDiT.Reference.Training.Checkpoints;
using PixelDiT.Reference.Training.Ranks;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit train</c>.</summary>
internal static class TrainCommand
{
    public static Command Create()
    {
        var data = new DataOptions();
        var run = new RunOptions();
        var recipe = new RecipeOption();
        var model = new ModelOptions("tiny", mayBegin: true);
        var encoder = new EncoderOptions();
        var step = new StepOptions();
        var optimizer = new OptimizerOptions();
        var schedule = new ScheduleOptions();
        var alignment = new AlignmentOptions();
        var look = new LookOptions();
        var distributed = new DistributedOptions();
        Option<string?> config = new("--config") { Description = "A JSON file with option values, such as {\"lr\": 0.001}, or the folder of a run; the command line wins.", HelpName = "FILE" };

        var command = new GroupedCommand(
            "train", "Train a class-conditional model, or with a text preset a text-to-image one. Writes config.json, loss.csv, model.safetensors (averaged weights), training.safetensors, samples.png and event files for TensorBoard. report makes a page of it.",
            [data.Group, run.Group, model.Group, new("Text encoder", encoder.All), step.Group, optimizer.Group, schedule.Group, alignment.Group, look.Group, distributed.Group, new("Settings that belong together", [recipe.Option, config])],
            [
                ("train --data folder:pictures --out runs/a", "Train on a folder of pictures, a folder a class:"),
                ("train --data folder:pictures --recipe small --steps 4000 --out runs/s", "A small model of small pictures, in minutes on a CPU:"),
                ("train --data folder:pictures --preset small --resolution 64 --sample-every 500 --out runs/b", "Look at pictures on the way:"),
                ("train --resume --out runs/a", "Go on with a run that was stopped:"),
                ("train --data folder:pictures --batch 64 --out runs/c", "The same by several processes, each with a share of every batch, where mpirun -n 4 stands before pixeldit:")
            ]);

        command.SetRun((parsed, cancel) =>
        {
            using var ranks = distributed.Open(parsed);
            using var prepared = RankStart.Agree(ranks, () => Prepare(parsed, ranks, cancel));
            var training = prepared.Training with { Seed = RankStart.SeedOf(ranks, prepared.Training.Seed, prepared.HasDrawnSeed) };
            if (ranks is not null) RankStart.RequireSame(ranks, prepared.Sizes, training, prepared.Images);
            using var run = RankStart.Agree<IDisposable>(ranks, () => ranks is null or { Rank: 0 } ? Begin(prepared, ranks) : RankRun.Create(prepared.Device, prepared.Images, prepared.Sizes, training, ranks, prepared.Teacher));
            try
            {
                if (run is RankRun second)
                {
                    RankStart.Share(ranks!, second.Trainer, prepared.Images);
                    if (!second.Run(cancel)) throw new OperationCanceledException(cancel);
                }
                else
                {
                    Train((TrainingRun)run, prepared, ranks, cancel);
                }
            }
            catch (Exception error) when (error is NotFiniteException or OperationCanceledException or DistributedException { InnerException: NotFiniteException })
            {
                // All ranks have come to the same end.
                ranks?.Leave();
                throw;
            }
            // A filter that catches nothing: it runs before anything is freed, which may still be written to.
            catch (Exception) when (IsStopped(ranks))
            {
            }
            ranks?.Leave();
            return 0;
        }, needsLess: "a smaller --batch or --resolution, --accumulate, --checkpoint-activations or --precision bf16,");
        return command;

        Prepared Prepare(ParseResult parsed, ICommunicator? ranks, CancellationToken cancel)
        {
            var settings = new Settings(parsed, command, config);
            string? resumed = run.Resumed(settings);
            if (resumed is not null && Path.Combine(resumed, RunFolder.ConfigFile) is var kept && File.Exists(kept)) settings.Add(kept);
            if (resumed is not null && !data.IsGiven(settings)) RunFolder.ExplainMissingSettings(resumed);
            recipe.Apply(settings, hasSizes: model.From(settings) is not null);
            model.ReadBasis(settings, resumed);
            bool isText = model.IsText(settings);
            string spec = data.Spec(settings, isText), folder = run.Folder(settings);
            int every = run.CheckpointEvery(settings);
            var policy = run.Policy(settings);
            bool extend = schedule.IsExtended(settings, run.IsResuming(settings));
            var existing = run.Existing(settings);
            if (existing != ExistingRun.Resume) OutputFile.RequireNoData(folder, spec);
            data.Check(settings, model);
            data.SettleResize(settings, isText, resumed);
            if (!isText && encoder.All.FirstOrDefault(settings.IsGiven) is { } ofText) throw new ConfigurationException($"{ofText.Name} is of text models; the preset {model.Preset(settings)} is of a class model");
            if (ranks is not null) step.ShareParts(settings, ranks.Size);
            var training = step.Read(settings, new TrainingConfig { SkipLimit = run.SkipLimit(settings) });
            training = distributed.Read(settings, optimizer.Read(settings, schedule.Read(settings, data.Read(settings, training)))).Validate();
            var watch = look.Watch(settings, isText, training);

            step.AnnounceSeed();
            var held = new List<IDisposable>();
            try
            {
                var device = Keep(distributed.OpenDevice(parsed, ranks, step.Device(settings), step.Threads(settings)));
                var states = isText ? Keep(OpenEncoder(settings, model, encoder, device, cancel)) : null;
                TrainingData images = states is null
                    ? new ClassData(DataReport.Open(spec, training.Size, model.Channels(settings), data.Source(settings, cancel)))
                    : new CaptionedData(DataReport.OpenCaptioned(spec, training.Size, data.Buckets(settings), model.Channels(settings), data.Source(settings, cancel)), states);
                if ((images as CaptionedData)?.Source is IDisposable files) Keep(files);
                (images, var heldOut) = data.HoldOut(settings, images, model.Channels(settings), training.Size, cancel);
                watch = (watch with { HeldOut = heldOut, HeldOutEvery = data.HeldOutEvery(settings) }).Validate();
                var sizes = model.Build(settings, (images as ClassData)?.Source.Classes);
                if (states is not null) sizes = (sizes with { TextWidth = model.TextWidth(settings) ?? states.Width, TextTokens = model.TextTokens(settings) ?? states.Tokens }).Validate();
                training = training with { Alignment = alignment.Read(settings, sizes) };
                var teacher = alignment.Open(settings, device, images, sizes, training, cancel);
                if (teacher is not null) Keep(teacher);
                string recorded = settings.ToJson([.. run.NotRecorded, .. distributed.NotRecorded, .. schedule.NotRecorded(settings), .. data.NotRecorded(settings), .. step.NotRecorded(settings), .. optimizer.NotRecorded(settings), .. alignment.NotRecorded(settings), .. model.NotRecorded(settings)]);
                return new Prepared(folder, device, images, sizes, training, existing, recorded, policy, model.From(settings), extend, teacher, watch, every, step.HasDrawnSeed, held);
            }
            catch
            {
                Free(held);
                throw;
            }

            T Keep<T>(T made) where T : IDisposable
            {
                held.Add(made);
                return made;
            }
        }
    }

    private static TrainingRun Begin(Prepared prepared, ICommunicator? ranks) => TrainingRun.Create(
        prepared.Folder, prepared.Device, prepared.Images, prepared.Sizes, prepared.Training, prepared.Existing, prepared.Recorded, prepared.Policy, prepared.From, prepared.Extend, prepared.Teacher, prepared.Watch, ranks);

    private static void Train(TrainingRun run, Prepared prepared, ICommunicator? ranks, CancellationToken cancel)
    {
        if (ranks is not null) RankStart.Share(ranks, run.Trainer, prepared.Images);
        Terminal.WriteLine($"{run.Trainer.Model.Parameters.Count:N0} parameters on {prepared.Device.Description}{(ranks is null ? "" : $", {ranks.Size} ranks over {ranks.Description}")}");
        TrainingProgress.Train(run, prepared.Folder, prepared.CheckpointEvery, cancel);
        if (prepared.Watch.Sampling is { } sampling) TrainingProgress.DrawSamples(run, sampling, cancel);
    }

    /// <summary>All that a run needs, in the order in which it was opened.</summary>
    private sealed record Prepared(
        string Folder, Device Device, TrainingData Images, ModelConfig Sizes, TrainingConfig Training, ExistingRun Existing, string Recorded, CheckpointPolicy Policy, string? From, bool Extend, ITeacher? Teacher, WatchConfig Watch,
        int CheckpointEvery, bool HasDrawnSeed, IReadOnlyList<IDisposable> Held) : IDisposable
    {
        public void Dispose() => Free(Held);
    }

    private static bool IsStopped(ICommunicator? ranks)
    {
        ranks?.Stop();
        return false;
    }

    private static void Free(IReadOnlyList<IDisposable> held)
    {
        foreach (var made in held.Reverse()) made.Dispose();
    }

    /// <summary>The encoder that is asked for, or else the built-in one, whose states are as wide as the model takes them.</summary>
    private static ITextEncoder OpenEncoder(Settings settings, ModelOptions model, EncoderOptions encoder, Device device, CancellationToken cancel)
    {
        var sizes = model.Build(settings);
        if (encoder.IsBuiltIn(settings, WordsEncoder.KindName)) return encoder.Open(settings, sizes, device, WordsEncoder.KindName, cancel);
        return encoder.Open(settings, model.TextTokens(settings) ?? PromptRows.ReleasedStates, device, cancel);
    }
}
