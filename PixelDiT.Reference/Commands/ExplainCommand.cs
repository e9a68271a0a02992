using System.CommandLine;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Explaining;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit explain</c>: one picture's way through the model as a page.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        Option<string> file = new("--model") { Description = "A model file: safetensors, or a PyTorch checkpoint.", HelpName = "FILE", Required = true };
        Option<string> output = new("--out") { Description = "The page to write.", HelpName = "FILE", DefaultValueFactory = _ => ExplainPage.FileName };
        Option<string?> image = new("--image") { Description = "A picture that is noised to the times of the sampler's steps, in the place of sampling one: the model's own view of that picture at each time. It is cut and scaled as train does by default.", HelpName = "FILE" };
        var traced = new NumberListOption("--trace-steps", "The steps, from 0, whose forward is looked into. [default: as many as fit, 5 at most]");
        var blocks = new NumberListOption("--blocks", "The patch blocks, from 0, whose attention is shown. [default: as many as fit, 6 at most]");
        var pixelBlocks = new NumberListOption("--pixel-blocks", "The PiT blocks, from 0, whose modulation, compaction and attention are shown. [default: as many as fit, 4 at most]");
        Option<int?> channels = new("--channels") { Description = "Channels of each shift, scale and gate, those that vary most. [default: as many as fit, 4 at most]", HelpName = "N" };
        var overwrite = OutputFile.OverwritePage();
        Option<WeightChoice?> weights = Cli.Weights();
        Option<string> device = Cli.Device(), precision = Cli.Precision();
        Option<int> threads = Cli.Threads();
        var options = new SampleOptions();
        var command = new Command("explain", "Write a page about one picture's way through the model, which needs no network: every step from noise to the picture, every stage of a forward, tokens, attention, pixel-wise modulation and compaction as pictures.") { file, weights };
        options.AddForOne(command);
        foreach (Option option in new Option[] { image, traced, blocks, pixelBlocks, channels, output, overwrite, precision, device, threads, new ConfigOption() }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            string path = parsed.GetRequiredValue(output);
            string? pictureFile = parsed.GetValue(image);
            var prompts = options.Check(parsed);
            using var stored = StoredModel.Open(parsed.GetRequiredValue(file), parsed.GetValue(weights));
            OutputFile.RequirePage(path, parsed.GetValue(overwrite), ExplainPage.IsOne, [.. stored.Files, pictureFile, .. options.Files(parsed)]);
            var config = stored.Info.Config;
            var plan = options.PlanOne(parsed, stored, prompts) with { Precision = PrecisionNames.Parse(parsed.GetRequiredValue(precision)) };
            var size = plan.SizeOf(0);
            var wish = new ExplainWish { Steps = parsed.GetValue(traced), PatchBlocks = parsed.GetValue(blocks), PixelBlocks = parsed.GetValue(pixelBlocks), Channels = parsed.GetValue(channels) };
            ExplainChoice.Make(config, size, plan.Sampling.Steps, wish);
            float[]? picture = pictureFile is null ? null : Open(pictureFile, size, config.Channels);
            using var opened = Cli.Open(parsed, device, threads);
            StepMemory.RequireForward(opened, config, plan.Precision, 2, size.Height, size.Width);

            // The encoder is gone before the model comes: one of them may fill the memory.
            var condition = plan is TextPlan texts ? Encode(texts, parsed, options, stored, opened, cancel) : Classes((ClassPlan)plan);
            var (loaded, problem) = WeightsReport.Load(stored, opened);
            using var model = loaded;
            if (problem is not null) throw new NotFiniteException($"{stored.Source}: {problem}");
            model.Precision = plan.Precision;
            var request = new ExplainRequest
            {
                Condition = condition,
                Sampling = plan.Sampling,
                Size = size,
                Seed = plan.SeedOf(0),
                Picture = picture,
                RoundTime = plan is TextPlan { RoundTime: true },
                Wish = wish
            };
            var explanation = ProgressDisplay.Show("explaining", 1, show => Explanation.Make(model, request, (done, what) => show(done, what), cancel));
            cancel.ThrowIfCancellationRequested();
            string title = pictureFile is null ? condition.Name : $"{Path.GetFileName(pictureFile)}, {condition.Name}";
            long bytes = ExplainPage.Write(path, explanation, title, Facts(stored, plan, model), pictureFile is null ? null : Path.GetFileName(pictureFile));
            Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"wrote {path}, {bytes / 1e6:F1} MB; steps {string.Join(", ", explanation.Choice.Steps)} are looked into"));
            return 0;
        }, needsLess: "a smaller --resolution");
        return command;
    }

    /// <summary>A picture as the model would have been trained on it.</summary>
    private static float[] Open(string path, ImageSize size, int channels)
    {
        try
        {
            byte[] bytes = ImageDecoder.Read(path, size, channels, how: new Preparation(ResizeRule.Adm, Background.White)).Pixels;
            float[] values = new float[bytes.Length];
            PixelScale.ToValues(bytes, values);
            return values;
        }
        catch (DataException error)
        {
            throw new DataException($"{path}: {error.Message}", error);
        }
    }

    private static ExplainedCondition Classes(ClassPlan plan)
    {
        int label = plan.LabelOf(0), none = plan.NullClass!.Value;
        string name = label == none ? "no class" : plan.NameOf(label) is { } known ? $"class {label}, {known}" : $"class {label}";
        return new(name, "the null class") { Labels = (label, none) };
    }

    private static ExplainedCondition Encode(TextPlan plan, ParseResult parsed, SampleOptions options, StoredModel stored, Device device, CancellationToken cancel)
    {
        var config = stored.Info.Config;
        var prompt = plan.PromptOf(0);
        using var encoder = options.Encoder.Open(parsed, config, device, stored.Info.TextEncoder, cancel);
        Prompt[] texts = [new(prompt.Text), new(prompt.Negative, Negative: true)];
        var states = ProgressDisplay.Show("encoding", 1, show => encoder.Encode(texts, (done, what) => show(done, what), cancel));
        int most = config.TextTokens * config.TextWidth;
        float[][] read = [.. states.Select(text => text.Length > most ? text[..most] : text)];
        return new($"“{prompt.Text}”", prompt.Negative.Length == 0 ? "the empty text" : $"“{prompt.Negative}”")
        {
            States = (read[0], read[1]),
            Words = encoder.WordsOf(texts[0]) ?? [],
            NullWords = encoder.WordsOf(texts[1]) ?? []
        };
    }

    private static IEnumerable<(string What, string Value)> Facts(StoredModel stored, SamplePlan plan, PixelTransformer model)
    {
        var (config, sampling) = (model.Config, plan.Sampling);
        yield return ("model", Path.GetFileName(Path.TrimEndingDirectorySeparator(stored.Source)));
        yield return ("weights", string.Create(CultureInfo.InvariantCulture, $"{stored.Weights}; {ModelCost.Parameters(config):N0} parameters; SHA-256 {WeightHash.Of(model)[..12]}…"));
        yield return ("kind", $"{config.KindName}, D {config.Hidden}, N {config.PatchDepth}, {(config.HasPixelLevel ? $"d {config.PixelHidden}, M {config.PixelDepth}" : "no pixel level")}, patch {config.Patch}{(config.PostModulation ? ", post-modulation" : "")}{(config.PixelLevel == PixelLevelKind.Full ? "" : $", pixel level {config.PixelLevel.Name}")}");
        yield return ("size", plan.SizeOf(0).ToString());
        yield return ("sampler", string.Create(CultureInfo.InvariantCulture, $"{sampling.Sampler.Name}, {sampling.Steps} steps, guidance {sampling.Guidance}{(sampling.Interval == (0, 1) ? "" : $" from {sampling.Interval.Min} to {sampling.Interval.Max}")}, time shift {sampling.TimeShift}"));
        yield return ("seed", plan.SeedOf(0).ToString(CultureInfo.InvariantCulture));
        yield return ("precision", plan.Precision.Name);
    }
}
