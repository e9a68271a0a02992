using System.CommandLine;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Benchmarking;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit data</c>: what a model would be trained on, before it is.</summary>
internal static class DataCommand
{
    private const int MostListed = 50;

    public static Command Create()
    {
        var source = new Argument<string>("SOURCE") { Description = $"The images: {Cli.Forms(ImageSources.Known)}. With a text preset, images with captions: {Cli.Forms(CaptionedSources.Known)}." };
        Option<string> output = Cli.Option("--out", "The sheet to write, a PNG of up to 8 images of each of the first 16 classes, or of 32 images with their captions.", "data.png");
        var size = new TrainingSize();
        Option<int> batch = Cli.Option("--batch", "Images a step, for what a training step would take.", 32);
        var model = new ModelOptions("tiny");
        var buckets = BucketOption.Create();
        Option<string> precision = Cli.Precision(), device = Cli.Device();
        Option<int> threads = Cli.Threads();
        Option<string?> config = new("--config") { Description = "A JSON file with option values; the command line wins.", HelpName = "FILE" };
        var choice = new SourceChoice();
        var overwrite = OutputFile.Overwrite();
        Option<bool> noEstimate = new("--no-estimate") { Description = "Do not run a step of training to say what one takes." };
        var command = new Command("data", "Show what a model would be trained on, before it is: classes, sizes, what is left out and why, a sheet of images, and what a training step takes.") { source, output, size.Resolution, size.Width, size.Height };
        model.AddTo(command);
        foreach (var option in (Option[])[buckets, batch, .. choice.All, noEstimate, overwrite, precision, device, threads, config]) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            var settings = new Settings(parsed, command, config);
            string path = settings.Get(output);
            CheckSheet(path, settings.Get(overwrite));
            var training = new TrainingConfig { Batch = settings.Get(batch), Size = size.Read(settings), Precision = PrecisionNames.Parse(settings.Get(precision)) }.Validate();
            BucketOption.Check(settings, buckets, model, size);
            string spec = parsed.GetRequiredValue(source);
            OutputFile.RequireOutside(path, spec);
            var options = choice.Read(settings, cancel);
            long count;
            int? classes = null;
            var largest = training.Size;
            if (model.IsText(settings))
            {
                var images = DataReport.OpenCaptioned(spec, training.Size, BucketOption.Read(settings, buckets), model.Channels(settings), options);
                using var held = images as IDisposable;
                ShowSizes(images);
                ShowOriginals(images.Originals);
                Terminal.WriteLine($"listing {images.ListingHash}");
                PngWriter.Write(path, DataSheet.Draw(images, cancel));
                var (height, width) = images.Sizes.MaxBy(known => (long)known.Height * known.Width);
                (count, largest) = (images.Count, new(height, width));
            }
            else
            {
                var images = DataReport.Open(spec, training.Size, model.Channels(settings), options);
                ShowClasses(images);
                ShowOriginals(images.Originals);
                Terminal.WriteLine($"listing {images.ListingHash}");
                PngWriter.Write(path, DataSheet.Draw(images, cancel));
                (count, classes) = (images.Count, images.Classes);
            }
            Terminal.WriteLine($"wrote {path}");
            if (settings.Get(noEstimate)) return 0;
            using var opened = Device.Open(settings.Get(device), settings.Get(threads));
            ShowStep(model.Build(settings, classes), training, count, largest, opened, cancel);
            return 0;
        }, needsLess: "a smaller --batch or --resolution, or --precision bf16,");
        return command;
    }

    /// <summary>What a training step takes: memory by a dry run, time by a step of few images.</summary>
    private static void ShowStep(ModelConfig sizes, TrainingConfig training, long count, ImageSize size, Device device, CancellationToken cancel)
    {
        StepMemory.RequireTraining(device, sizes, training, size.Height, size.Width);
        double bytes = StepMemory.OfTraining(sizes, training, size.Height, size.Width), seconds;
        Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"a training step of {training.Batch} images with {ModelCost.Parameters(sizes):N0} parameters takes {bytes / (1 << 30):N2} GiB; {device.FreeMemory / (double)(1 << 30):N2} GiB are free"));
        seconds = StepTime.Estimate(sizes, training.Precision, training.Batch, size, device, cancel);
        string epoch = DataReport.IsEndless(count) ? "" : $", {ProgressDisplay.Duration(TimeSpan.FromSeconds(seconds * count / training.Batch))} for all images once";
        Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"and about {(seconds < 10 ? $"{seconds:G2} s" : ProgressDisplay.Duration(TimeSpan.FromSeconds(seconds)))} on {device.Description}{epoch}, {ProgressDisplay.Duration(TimeSpan.FromSeconds(seconds * training.Steps))} for {training.Steps:N0} steps"));
    }

    private static void CheckSheet(string path, bool overwrite)
    {
        if (path.Length == 0) throw new ConfigurationException("--out is ''; a PNG file was expected");
        if (Directory.Exists(path)) throw new ConfigurationException($"{path}: is a folder; a PNG file was expected");
        OutputFile.Require(path, overwrite);
    }

    private static void ShowClasses(IImageSource images)
    {
        bool isEndless = DataReport.IsEndless(images.Count);
        int digits = (images.Classes - 1).ToString(CultureInfo.InvariantCulture).Length, width = images.ClassNames.Take(MostListed).Max(name => name.Length);
        for (int label = 0; label < Math.Min(images.Classes, MostListed); label++)
        {
            string number = label.ToString(CultureInfo.InvariantCulture).PadLeft(digits);
            Terminal.WriteLine($"  class {number}  {images.ClassNames[label].PadRight(width)}  {(isEndless ? "endless" : images.ClassCounts[label].ToString("N0", CultureInfo.InvariantCulture))}");
        }
        if (images.Classes > MostListed) Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  and {images.Classes - MostListed:N0} more classes, of {images.ClassCounts.Skip(MostListed).Min():N0} to {images.ClassCounts.Skip(MostListed).Max():N0} images"));
    }

    /// <summary>How many images each bucket has.</summary>
    private static void ShowSizes(ICaptionedSource images)
    {
        if (images.Sizes.Count == 1) return;
        foreach (var bucket in Enumerable.Range(0, checked((int)images.Count)).CountBy(index => images.SizeOf(index)).OrderBy(bucket => bucket.Key))
        {
            var (height, width) = images.Sizes[bucket.Key];
            Terminal.WriteLine($"  {new ImageSize(height, width)}  {Counted.Of(bucket.Value, "image")}");
        }
    }

    private static void ShowOriginals(Originals? originals)
    {
        if (originals is not { } was) return;
        string sizes = was.Smallest == was.Largest ? $"{was.Smallest.Width}×{was.Smallest.Height}" : $"{was.Smallest.Width}×{was.Smallest.Height} to {was.Largest.Width}×{was.Largest.Height}";
        Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"originals of {sizes}; {was.ScaledUp:N0} scaled up, {was.Turned:N0} put upright as their EXIF data say"));
    }
}
