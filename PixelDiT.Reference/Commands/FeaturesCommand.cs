using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Commands.Options.Train;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training.Alignment;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit features</c>: a teacher's tokens of every image, computed once.</summary>
internal static class FeaturesCommand
{
    // Procedural sources have no end, and no disk holds more.
    private const long MostImages = 100_000_000;

    public static Command Create()
    {
        Option<string> data = new("--data") { Description = $"The images: {Cli.Forms(ImageSources.Known)}.", HelpName = "SOURCE", Required = true };
        Option<string> teacher = new("--teacher") { Description = "A file of DINOv2 weights.", HelpName = "FILE", Required = true };
        Option<int> heads = new("--heads") { Description = "Heads of the teacher. [default: one for every 64 channels]", HelpName = "N" };
        var size = new TrainingSize();
        Option<int> patch = Cli.Option("--patch", "p of the class model that will be trained, whose tokens are as many as the teacher's.", Presets.Get("B").Patch);
        Option<bool> text = new("--text") { Description = "For a text model, whose teacher sees 224x224." }, flip = new("--flip") { Description = "Of mirror images too, for train --flip." };
        var type = new ChoiceOption("--dtype", "How to store tokens.", ["f32", "bf16"], "bf16");
        Option<int> batch = Cli.Option("--batch", "Images at a time.", 16), perFile = Cli.Option("--images-a-file", "Images of a file.", 512);
        Option<string> output = new("--out") { Description = "The folder to write. What an interrupted command has finished there is kept.", HelpName = "DIR", Required = true };
        var source = new SourceChoice();
        Option<string> device = Cli.Device(), precision = Cli.Precision();
        Option<int> threads = Cli.Threads();
        var command = new Command("features", "Compute a teacher's tokens of all images of a data source, for train --repa.");
        foreach (var option in (Option[])[data, teacher, heads, size.Resolution, size.Width, size.Height, patch, text, flip, type, batch, perFile, output, .. source.All, precision, device, threads]) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            var settings = new Settings(parsed);
            foreach (var (option, value) in new[] { (batch, settings.Get(batch)), (perFile, settings.Get(perFile)), (patch, settings.Get(patch)) })
            {
                if (value < 1) throw new ConfigurationException($"{option.Name} is {value}; it must be at least 1");
            }
            if (settings.Get(text) && Cli.IsGiven(parsed, patch)) throw new ConfigurationException("--patch is of class models, and --text of text models");
            string folder = parsed.GetRequiredValue(output), weightsPath = parsed.GetRequiredValue(teacher);
            if (folder.Length == 0) throw new ConfigurationException("--out is ''; a folder was expected");
            using var opened = Cli.Open(parsed, device, threads);
            using var weights = AlignmentOptions.OpenWeights(weightsPath, Cli.IsGiven(parsed, heads) ? settings.Get(heads) : null);
            var images = DataReport.Open(parsed.GetRequiredValue(data), size.Read(settings), 3, source.Read(settings, cancel));
            if (images.Count > MostImages) throw new DataException($"{images.Name}: is drawn without end; features are of images that can be counted");
            using var network = new DinoTeacher(opened, weights, settings.Get(text) ? null : settings.Get(patch), PrecisionNames.Parse(settings.Get(precision)), settings.Get(batch), cancel);
            var described = new FeatureFolder(
                Preparation.Identify(images.ListingHash, images.Preparation), StoredTeacher.SizeOf(images.Height, images.Width), images.Count, network.Identity, network.TokensOf(images.Height, images.Width), network.Width,
                Cli.Stored(settings.Get(type)).FormatName, settings.Get(flip), settings.Get(perFile));
            RequireFree(folder, described);
            long found = 0;
            using (FolderLock.Take(folder))
            {
                ProgressDisplay.Show<object?>("features", described.Images, show =>
                {
                    found = FeatureWriter.Write(folder, described, images, network, opened, settings.Get(batch), (done, _) => show(done, $"image {done:N0} of {described.Images:N0}"), cancel);
                    return null;
                });
            }
            Terminal.WriteLine($"{(found == described.Images ? "nothing to do: " : "")}{Printable.Name(folder)} has {described.Tokens} tokens of {described.Width} channels of {Counted.Of(described.Images, "image")}{(described.Mirrored ? " and their mirror images" : "")}, {described.Bytes / 1e9:F2} GB{(found > 0 && found < described.Images ? $"; those of {Counted.Of(found, "image")} were there already" : "")}");
            return 0;
        }, needsLess: "a smaller --batch");
        return command;
    }

    /// <summary>A folder is new or empty, or holds a part of these very features.</summary>
    private static void RequireFree(string folder, FeatureFolder described)
    {
        if (FeatureFolder.Is(folder))
        {
            if (FeatureFolder.Read(folder) != described) throw new ConfigurationException($"{folder}: holds features of other images, of another teacher or made otherwise; choose another --out");
        }
        else if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any(entry => Path.GetFileName(entry) != FolderLock.FileName)))
        {
            throw new ConfigurationException($"{folder}: is not empty, and holds no features; choose another --out");
        }
        AtomicFile.MakeFolder(folder);
    }
}
