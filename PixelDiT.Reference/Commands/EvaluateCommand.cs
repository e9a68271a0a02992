using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Evaluations;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Commands.Options.Train;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Evaluating;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training.Ranks;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit evaluate</c>: how far pictures are from other pictures.</summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        Option<string> samples = new("--samples") { Description = $"The pictures to measure: {Cli.Forms(ImageSets.Known)}.", HelpName = "SET", Required = true };
        Option<string?> reference = new("--reference") { Description = "The pictures to measure them against, of the same forms but for a model. Without it only inception scores and --stats-out are made.", HelpName = "SET" };
        Option<string?> inception = new("--inception") { Description = "The weights of the FID Inception network, such as pt_inception-2015-12-05-6726825d.pth. Without it the measures for small data with classes are made.", HelpName = "FILE" };
        var preprocess = new ChoiceOption("--preprocess", "How pictures come into the network: tensorflow as in ADM's evaluation, which published FIDs of PixelDiT use, or pytorch as in pytorch-fid.", InceptionRoutes.Names, InceptionRoutes.Names[0]);
        Option<long> images = new("--images") { Description = $"The most images of each set, its first ones. [default: all; of a source that draws them {EvaluationRun.UsualDrawn:N0}]", HelpName = "N" };
        Option<bool> heldOut = new("--held-out") { Description = "Read the held-out part of data sources." };
        Option<bool> noNeighbours = new("--no-precision-recall") { Description = "Leave out precision and recall, which need the pictures of the reference and not only its statistics." };
        Option<string?> json = new("--json") { Description = "Write the result to a JSON file too.", HelpName = "FILE" };
        Option<string?> statistics = new("--stats-out") { Description = "Write the statistics of --samples to an npz as ADM's evaluation reads them.", HelpName = "FILE" };
        Option<bool> overwrite = OutputFile.Overwrite();
        Option<bool> noCache = new("--no-cache") { Description = "Compute the reference's statistics and decode folders anew, and keep nothing in the user's cache folder." };
        Option<WeightChoice?> weights = Cli.Weights();
        Option<int> batch = ModelSampling.Batch();
        Option<string> device = Cli.Device(), precision = Cli.Precision();
        Option<int> threads = Cli.Threads();
        var sampling = new SampleOptions();
        var command = new Command("evaluate", "Measure pictures, or what a model draws, against other pictures: FID, sFID, inception score, precision and recall with the weights of the Inception network; without them, measures for small data with classes.")
        {
            samples, reference, inception, preprocess, images, heldOut, noNeighbours, json, statistics, overwrite, noCache, weights
        };
        sampling.AddTo(command);
        foreach (Option option in new Option[] { batch, precision, device, threads, new ConfigOption() }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            string set = parsed.GetRequiredValue(samples);
            string? against = parsed.GetValue(reference), network = parsed.GetValue(inception), record = parsed.GetValue(json), made = parsed.GetValue(statistics);
            if (Cli.IsGiven(parsed, images) && parsed.GetValue(images) < 2) throw new ConfigurationException($"images is {parsed.GetValue(images)}; it must be 2 or more");
            int? atATime = ModelSampling.BatchOf(parsed, batch);
            if (network is null && made is not null) throw new ConfigurationException("--stats-out writes statistics of the network's features; --inception was expected");
            if (network is null && against is null) throw new ConfigurationException("there is nothing to measure against; --reference was expected, or --inception for an inception score");
            var kind = ImageSets.KindOf(set);
            if (against is not null && ImageSets.KindOf(against) == ImageSetKind.Model) throw new ConfigurationException($"{against}: is a file that is no .npz; a model is measured as --samples, and the reference is pictures");
            if (kind != ImageSetKind.Model && sampling.FirstGiven(parsed) is { } foreign) throw new ConfigurationException($"{foreign} says how a model draws, and --samples {set} is no model file");
            string[] outputs = [.. ((string?[])[record, made]).OfType<string>()];
            OutputFile.RequireAll(outputs, parsed.GetValue(overwrite), [set, against, network, .. sampling.Files(parsed)]);
            foreach (string output in outputs)
            {
                OutputFile.RequireOutside(output, set, against);
                RequirePlace(output);
            }
            if (outputs is [var one, var two] && Path.GetFullPath(one) == Path.GetFullPath(two)) throw new ConfigurationException("--json and --stats-out name one file; two were expected");

            if (network is null) DistributedOptions.RequireOne("share the work of the network; --inception was expected");
            using var ranks = network is null ? null : DistributedOptions.Open();
            using var opened = RankStart.Agree(ranks, () => DistributedOptions.OpenDevice(ranks, parsed.GetRequiredValue(device), parsed.GetValue(threads)));
            using var run = new EvaluationRun(opened)
            {
                Route = InceptionRoutes.TryParse(parsed.GetRequiredValue(preprocess), out var route) ? route : InceptionRoute.TensorFlow,
                Most = Cli.IsGiven(parsed, images) ? parsed.GetValue(images) : null,
                Part = parsed.GetValue(heldOut) ? ImagePart.HeldOut : ImagePart.Training,
                Neighbours = !parsed.GetValue(noNeighbours),
                CacheFolder = parsed.GetValue(noCache) ? null : StatisticsCache.UserFolder(),
                ImageCacheFolder = parsed.GetValue(noCache) ? null : ImageCache.UserFolder(),
                Threads = parsed.GetValue(threads) is > 0 and var given ? given : ranks is null ? -1 : opened.Threads,
                Asked = sampling.Asked(parsed),
                Ranks = ranks
            };
            if (network is not null) run.LoadNetwork(network, cancel);
            var drawing = kind == ImageSetKind.Model ? EvaluatedModel.Open(parsed, set, sampling, parsed.GetValue(weights), parsed.GetRequiredValue(precision), atATime, opened, cancel) : null;
            using (drawing)
            {
                using IImageSet measured = RankStart.Agree(ranks, () => drawing?.Set ?? run.Open(set, null, cancel));
                using var measure = against is null ? null : RankStart.Agree(ranks, () => run.Open(against, measured.Size, cancel, drawing?.Channels));
                run.RequireSame(measure, measured, drawing?.Record);
                RankStart.LeaveAfter(ranks, () =>
                {
                    if (ranks is not null and not { Rank: 0 })
                    {
                        run.Serve(measure, measured, cancel);
                        return;
                    }
                    var found = run.Evaluate(measure, measured, made, cancel);
                    EvaluationReport.Print(found);
                    if (record is not null) AtomicFile.WriteText(record, found.ToJson());
                    foreach (string output in outputs) Terminal.WriteLine($"wrote {output}");
                });
            }
            return 0;
        }, needsLess: "a smaller --batch");
        return command;
    }

    /// <summary>Checks that a file has a folder to be written to, before long work is done for it.</summary>
    private static void RequirePlace(string path)
    {
        if (path.Length == 0) throw new ConfigurationException("an output file is ''; a file was expected");
        if (Directory.Exists(path)) throw new ConfigurationException($"{path}: is a folder; a file was expected");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder)) throw new ConfigurationException($"{path}: there is no folder {folder} to write it to");
    }
}
