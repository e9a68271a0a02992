using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Text.Tokenizers;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Checkpoints;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit train</c>.</summary>
internal static class TrainCommand
{
    private static readonly TrainingConfig s_defaults = new();
    private static readonly CameConfig s_came = new();
    private static readonly CheckpointPolicy s_policy = new();

    public static Command Create()
    {
        Option<string> data = new("--data") { Description = $"The images (required): {Cli.Forms(ImageSources.Known)}. For a text model, with captions: {Cli.Forms(CaptionedSources.Known)}.", HelpName = "SOURCE" };
        Option<string> output = new("--out") { Description = "The run's folder (required).", HelpName = "DIR" };
        var model = new ModelOptions("tiny", mayBegin: true);
        var encoder = new EncoderOptions();
        var size = new TrainingSize();
        Option<int> batch = Cli.Option("--batch", "Images a step.", s_defaults.Batch);
        Option<int> accumulate = Cli.Option("--accumulate", "Parts in which a batch is trained one after the other, for less memory; they must divide it.", s_defaults.Accumulate);
        Option<bool> checkpointing = new("--checkpoint-activations") { Description = "Run each block again in the backward instead of keeping its activations: less memory, about a quarter more time, the same bits." };
        Option<int> steps = Cli.Option("--steps", "Steps.", s_defaults.Steps), warmup = Cli.Option("--warmup", "Steps over which the learning rate rises from 0.", 0);
        Option<double> lr = Cli.Number("--lr", "The learning rate.", s_defaults.Optimizer.LearningRate), weightDecay = Cli.Number("--weight-decay", "Decoupled weight decay.", 0);
        var decay = new ChoiceOption("--lr-decay", "How the learning rate moves after the warm-up.", ["constant", "cosine"], "constant");
        Option<double> clip = Cli.Number("--clip", $"The largest norm of all gradients; 0 for no clipping. With CAME {s_came.Clip} where it is not given.", s_defaults.Optimizer.Clip), beta2 = Cli.Number("--beta2", "The decay of the mean of squared gradients.", s_defaults.Optimizer.Beta2);
        var optimizer = new ChoiceOption("--optimizer", "AdamW, or CAME as the authors train their text models; CAME keeps an average of the weights only where --ema is given.", ["adamw", "came"], "adamw");
        var scale = new ChoiceOption("--lr-scale", "What the learning rate is multiplied by: none, sqrt (the root of batch/256, as the authors do for text models) or linear (batch/256).", ["none", "sqrt", "linear"], "none");
        var buckets = BucketOption.Create();
        Option<double> classDrop = Cli.Number("--class-drop", "The share of images trained without their class, or of a text model with the empty text for their caption.", s_defaults.ConditionDrop);
        Option<double> timeShift = Cli.Number("--time-shift", "s of the time shift t/(t+(1-t)s); the authors use 3 at 512x512, and 4 at 1024x1024 for text.", s_defaults.TimeShift);
        Option<double> ema = Cli.Number("--ema", "The share of the averaged weights that a step keeps, once warmed up: min(ema, (1+n)/(10+n)); with CAME it is not warmed up.", s_defaults.Optimizer.EmaDecay);
        var seed = new SeedOption("The seed of everything random.");
        Option<int> every = Cli.Option("--checkpoint-every", "Steps between checkpoints; 0 writes at the end only.", 1000);
        Option<double> beta1 = Cli.Number("--beta1", "The decay of the mean of gradients, or with CAME of updates.", s_defaults.Optimizer.Beta1), epsilon = Cli.Number("--eps", "What AdamW adds to the root of the mean square.", s_defaults.Optimizer.Epsilon);
        Option<bool> steadyEma = new("--no-ema-warmup") { Description = "Keep the share --ema from the first step on, as the authors do." }, flip = new("--flip") { Description = "Mirror half of a class model's images left to right, chosen anew in every epoch." };
        Option<int> skipLimit = Cli.Option("--skip-limit", "Steps in a row whose gradients are not finite, and which update nothing, before the run stops.", s_defaults.SkipLimit);
        Option<int> keep = Cli.Option("--keep", "Checkpoints that are kept, the newest included: a damaged one is passed over by --resume.", s_policy.Keep);
        Option<int> keepEvery = Cli.Option("--keep-every", "Keep those of every so many steps as well; 0 for none.", s_policy.KeepEvery);
        Option<double> guidance = Cli.Number("--sample-guidance", "Guidance of the sample grid drawn at the end.", 2);
        Option<int> sampleSteps = Cli.Option("--sample-steps", "Sampler steps of the sample grid; 0 draws none.", 50);
        Option<bool> resume = new("--resume") { Description = "Go on with the run in --out; its settings are those of config.json there." }, overwrite = new("--overwrite") { Description = "Replace the run in --out." };
        Option<bool> extend = new("--extend") { Description = "With --resume: let the cosine of the learning rate fall over the new --steps, from where it is." };
        Option<string[]> freeze = new("--freeze") { Description = "Parameters that stay as they are, by their names, * for any text: 'patch_blocks.*'. May be repeated.", HelpName = "PATTERN" };
        var source = new SourceChoice();
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        Option<string> precision = Cli.Precision();
        Option<string?> config = new("--config") { Description = "A JSON file with option values, such as {\"lr\": 0.001}, or the folder of a run; the command line wins.", HelpName = "FILE" };

        var command = new Command("train", "Train a class-conditional model, or with a text preset a text-to-image one. Writes config.json, loss.csv, model.safetensors (averaged weights), training.safetensors and samples.png.");
        command.Options.Add(data);
        command.Options.Add(output);
        model.AddTo(command);
        encoder.AddTo(command);
        foreach (Option option in new Option[]
        {
            size.Resolution, size.Width, size.Height, batch, accumulate, checkpointing, steps, optimizer, lr, scale, weightDecay, clip, beta1, beta2, epsilon, warmup, decay, classDrop, timeShift, ema, steadyEma, flip, buckets, seed, every, keep, keepEvery, skipLimit, guidance, sampleSteps, resume, extend, overwrite, freeze, source.AllowEmptyClasses, source.NoCache, precision, device, threads, config
        }) command.Options.Add(option);

        command.SetRun((parsed, cancel) =>
        {
            var settings = new Settings(parsed, command, config);
            bool resuming = settings.Get(resume);
            if (resuming && settings.IsGiven(output) && Path.Combine(settings.Get(output), RunFolder.ConfigFile) is var kept && File.Exists(kept)) settings.Add(kept);
            if (resuming && settings.IsGiven(output) && !settings.IsGiven(data)) RunFolder.ExplainMissingSettings(settings.Get(output));
            model.ReadBasis(settings, resuming && settings.IsGiven(output) ? settings.Get(output) : null);
            string spec = settings.IsGiven(data) ? settings.Get(data) : throw new ConfigurationException("--data is missing; one of " + string.Join(", ", (model.IsText(settings) ? CaptionedSources.Known : ImageSources.Known).Select(known => known.Form)) + " was expected");
            string folder = settings.IsGiven(output) ? settings.Get(output) : throw new ConfigurationException("--out is missing; the run's folder was expected");
            if (folder.Length == 0) throw new ConfigurationException("--out is ''; the run's folder was expected");
            if (settings.Get(every) < 0) throw new ConfigurationException($"checkpoint-every is {settings.Get(every)}; it must be 0 (at the end only) or above");
            var policy = new CheckpointPolicy { Keep = settings.Get(keep), KeepEvery = settings.Get(keepEvery) }.Validate();
            if (settings.Get(extend) && !resuming) throw new ConfigurationException("--extend moves the end of the cosine of a run that goes on; --resume was expected with it");
            if (resuming && settings.Get(overwrite)) throw new ConfigurationException("--resume and --overwrite exclude each other");
            bool isText = model.IsText(settings), isCame = settings.Get(optimizer) == "came";
            BucketOption.Check(settings, buckets, model, size);
            if (!isText && encoder.All.FirstOrDefault(settings.IsGiven) is { } ofText) throw new ConfigurationException($"{ofText.Name} is of text models; the preset {model.Preset(settings)} is of a class model");
            if (isText && settings.IsGiven(flip)) throw new ConfigurationException($"{flip.Name} is of class models: a caption may say what is left and what is right");
            if (isCame && new Option[] { epsilon, steadyEma }.FirstOrDefault(settings.IsGiven) is { } ofAdam) throw new ConfigurationException($"{ofAdam.Name} is of AdamW; CAME has no such number");
            double rate = Scaled(settings.Get(lr), settings.Get(scale), settings.Get(batch));
            var training = new TrainingConfig
            {
                Batch = settings.Get(batch),
                Accumulate = settings.Get(accumulate),
                CheckpointActivations = settings.Get(checkpointing),
                Steps = settings.Get(steps),
                Size = size.Read(settings),
                ConditionDrop = settings.Get(classDrop),
                TimeShift = settings.Get(timeShift),
                Flip = settings.Get(flip),
                SkipLimit = settings.Get(skipLimit),
                Freeze = settings.IsGiven(freeze) ? settings.Get(freeze) : [],
                Warmup = settings.Get(warmup),
                Decay = settings.Get(decay) == "cosine" ? LearningRateDecay.Cosine : LearningRateDecay.Constant,
                Seed = settings.Get(seed),
                Precision = PrecisionNames.Parse(settings.Get(precision)),
                Optimizer = new OptimizerConfig
                {
                    LearningRate = rate,
                    WeightDecay = settings.Get(weightDecay),
                    Clip = settings.Get(clip),
                    Beta1 = settings.Get(beta1),
                    Beta2 = settings.Get(beta2),
                    Epsilon = settings.Get(epsilon),
                    EmaDecay = settings.Get(ema),
                    EmaWarmup = !settings.Get(steadyEma)
                },
                Came = !isCame ? null : new CameConfig
                {
                    LearningRate = rate,
                    WeightDecay = settings.Get(weightDecay),
                    Clip = settings.IsGiven(clip) ? settings.Get(clip) : s_came.Clip,
                    Beta1 = settings.Get(beta1),
                    Beta2 = settings.Get(beta2),
                    EmaDecay = settings.IsGiven(ema) ? settings.Get(ema) : null
                }
            }.Validate();
            if (settings.Get(sampleSteps) < 0) throw new ConfigurationException($"sample-steps is {settings.Get(sampleSteps)}; it must be 0 (no grid) or above");
            var sampling = settings.Get(sampleSteps) == 0 ? null : new SamplingConfig
            {
                Sampler = isText ? Sampler.DpmSolver : Sampler.FlowDpm,
                Steps = settings.Get(sampleSteps),
                Guidance = settings.Get(guidance),
                TimeShift = isText ? (float)training.TimeShift : 1
            }.Validate();

            seed.Announce();
            using var opened = Device.Open(settings.Get(device), settings.Get(threads));
            using var states = isText ? OpenEncoder(settings, model, encoder, opened, cancel) : null;
            TrainingData images = states is null
                ? new ClassData(DataReport.Open(spec, training.Size, model.Channels(settings), source.Read(settings.Get, cancel)))
                : new CaptionedData(DataReport.OpenCaptioned(spec, training.Size, BucketOption.Read(settings, buckets), model.Channels(settings), source.Read(settings.Get, cancel)), states);
            using var held = (images as CaptionedData)?.Source as IDisposable;
            var sizes = model.Build(settings, (images as ClassData)?.Source.Classes);
            if (states is not null) sizes = (sizes with { TextWidth = model.TextWidth(settings) ?? states.Width, TextTokens = model.TextTokens(settings) ?? states.Tokens }).Validate();
            var existing = resuming ? ExistingRun.Resume : settings.Get(overwrite) ? ExistingRun.Replace : ExistingRun.Refuse;
            using var run = TrainingRun.Create(folder, opened, images, sizes, training, existing, settings.ToJson([output, resume, extend, overwrite, .. NotSaid(settings, freeze), .. NotSaid(settings, device, threads, size.Width, size.Height), .. isCame ? [.. NotSaid(settings, ema, clip), epsilon, steadyEma] : (Option[])[], .. model.From(settings) is null ? [] : model.Sizes, .. settings.IsGiven(buckets) || settings.IsGiven(size.Width) ? (Option[])[size.Resolution] : []]), policy, model.From(settings), settings.Get(extend));
            Terminal.WriteLine($"{run.Trainer.Model.Parameters.Count:N0} parameters on {opened.Description}");
            TrainingProgress.Train(run, folder, settings.Get(every), cancel);
            if (sampling is not null) TrainingProgress.DrawSamples(run, sampling, cancel);
            return 0;
        }, needsLess: "a smaller --batch or --resolution, --accumulate, --checkpoint-activations or --precision bf16,");
        return command;
    }

    private static double Scaled(double rate, string rule, int batch) => rule switch
    {
        "sqrt" => LearningRateSchedule.SquareRootScaled(rate, batch),
        "linear" => LearningRateSchedule.LinearlyScaled(rate, batch),
        _ => rate
    };

    /// <summary>The encoder that is asked for, or else the built-in one, whose states are as wide as the model takes them.</summary>
    private static ITextEncoder OpenEncoder(Settings settings, ModelOptions model, EncoderOptions encoder, Device device, CancellationToken cancel)
    {
        var sizes = model.Build(settings);
        if (encoder.IsBuiltIn(settings, WordsEncoder.KindName)) return encoder.Open(settings, sizes, device, WordsEncoder.KindName, cancel);
        return encoder.Open(settings, model.TextTokens(settings) ?? PromptRows.ReleasedStates, device, cancel);
    }

    /// <summary>Where to compute, and sides that no square has, belong to a run's settings only if they were said.</summary>
    private static IEnumerable<Option> NotSaid(Settings settings, params Option[] options) => options.Where(option => !settings.IsGiven(option));
}
