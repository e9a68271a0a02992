using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit trace</c>: every intermediate tensor of one forward and backward, for a port to compare itself with.</summary>
internal static class TraceCommand
{
    public static Command Create()
    {
        Option<string?> modelFile = new("--model") { Description = "A model file (required).", HelpName = "FILE" };
        Option<string?> weights = new("--weights") { Description = "Which weights of the model file: ema (averaged), raw (not averaged), or the path of a set as info lists it; without --model, the model file itself. [default: ema]", HelpName = "ema|raw|PATH" };
        Option<string?> inputs = new("--inputs") { Description = "A safetensors file with in.x [B,C,H,W], in.t [B], in.y (classes [B], or an encoder's states [B,n,width]) and, for gradients, target.v. [default: inputs are drawn]", HelpName = "FILE" };
        Option<int> resolution = new("--resolution") { Description = "The side of drawn images. [default: what the model was trained on]", HelpName = "N" };
        Option<int> batch = Cli.Option("--batch", "Drawn images.", 1);
        Option<int> words = new("--text-tokens") { Description = "The tokens of a drawn text, for a text-to-image model. [default: as many as it takes]", HelpName = "N" };
        var seed = new SeedOption("The seed of drawn inputs.");
        Option<string> output = new("--out") { Description = "The safetensors file to write.", HelpName = "FILE", Required = true };
        Option<string?> stages = new("--stages") { Description = "Which stages, with * and ?, such as 'patch_blocks.*'; finer steps of blocks are traced when they match. [default: every stage, no finer step]", HelpName = "GLOB" };
        Option<bool> backward = new("--backward") { Description = "Trace loss and gradients too." }, exact = new("--exact") { Description = "Compute the forward in double precision by plain loops; stages only." };
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        var precision = Cli.Precision();
        var overwrite = OutputFile.Overwrite();
        var command = new Command("trace", "Write the inputs and intermediate tensors of one forward, and of its backward.") { modelFile, weights, inputs, resolution, batch, words, seed, output, stages, backward, exact, precision, overwrite, device, threads };
        command.SetRun((parsed, cancel) =>
        {
            if (parsed.GetValue(exact) && parsed.GetValue(backward)) throw new ConfigurationException("--exact computes the forward only; leave out --backward");
            if (parsed.GetValue(exact) && Cli.IsGiven(parsed, precision)) throw new ConfigurationException("--exact rounds nothing; leave out --precision");
            string target = parsed.GetRequiredValue(output);
            var (source, choice) = (parsed.GetValue(modelFile), parsed.GetValue(weights)) switch
            {
                (null, null) => throw new ConfigurationException("--model is missing; a model file was expected"),
                (null, "ema" or "raw") => throw new ConfigurationException("--model is missing; --weights chooses among the weights of its file"),
                (null, { } file) => (file, WeightChoice.Ema),
                ({ } file, null) => (file, WeightChoice.Ema),
                ({ } file, { } text) => (file, WeightChoice.Parse(text))
            };
            using var stored = StoredModel.Open(source, choice);
            OutputFile.Require(target, parsed.GetValue(overwrite), [.. stored.Files, parsed.GetValue(inputs)]);
            seed.Announce();
            string? wanted = parsed.GetValue(stages);
            IReadOnlyList<TensorData> tensors;
            WeightsReport.SayTaken(stored);
            if (parsed.GetValue(exact))
            {
                tensors = Trace.RunExact(stored.Info.Config, name =>
                {
                    cancel.ThrowIfCancellationRequested();
                    return stored.ReadWidened(name);
                }, Given(), wanted);
            }
            else
            {
                using var opened = Cli.Open(parsed, device, threads);
                using var model = stored.Load(opened);
                model.Precision = PrecisionNames.Parse(parsed.GetRequiredValue(precision));
                var given = Given();
                model.RequireDivides(given.Shape[2], given.Shape[3]);
                tensors = Trace.Run(model, given, wanted, parsed.GetValue(backward), cancel);
            }
            WeightsReport.SayNotFinite(stored);
            cancel.ThrowIfCancellationRequested();
            SafetensorsWriter.Write(target, tensors);
            Terminal.WriteLine($"wrote {Counted.Of(tensors.Count, "tensor")} to {target}");
            return 0;

            TraceInputs Given()
            {
                var info = stored.Info;
                if (parsed.GetValue(inputs) is { } path)
                {
                    if (new Option[] { resolution, batch, words, seed }.FirstOrDefault(option => Cli.IsGiven(parsed, option)) is { } drawn) throw new ConfigurationException($"{drawn.Name} is of drawn inputs; --inputs excludes it");
                    using var file = SafetensorsReader.Open(path);
                    return TraceInputs.Read(file, info.Config);
                }
                var size = (Cli.IsGiven(parsed, resolution) ? parsed.GetValue(resolution) : info.Size)
                    ?? throw new ConfigurationException("--resolution is missing, and the model file does not say what it was trained on; --inputs gives inputs of one's own");
                return TraceInputs.Draw(info.Config, parsed.GetValue(batch), size, parsed.GetValue(seed), Cli.IsGiven(parsed, words) ? parsed.GetValue(words) : null);
            }
        }, needsLess: "a smaller --batch or --resolution");
        return command;
    }
}
