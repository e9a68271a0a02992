using System.CommandLine;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit data</c>: what a model would be trained on, before it is.</summary>
internal static class DataCommand
{
    private const int MostListed = 50;

    public static Command Create()
    {
        var source = new Argument<string>("SOURCE") { Description = $"The images: {string.Join("; ", ImageSources.Known.Select(known => $"{known.Form} ({known.Meaning})"))}." };
        Option<string> output = Cli.Option("--out", "The sheet to write, a PNG of up to 8 images of each of the first 16 classes.", "data.png");
        Option<int> resolution = Cli.Option("--resolution", "The side of the images.", 32), channels = Cli.Option("--channels", "3, or 1 for gray.", 3);
        var choice = new SourceChoice();
        var overwrite = OutputFile.Overwrite();
        var command = new Command("data", "Show what a model would be trained on: classes, sizes, what is left out and why, and a sheet of images.")
        {
            source, output, resolution, channels, choice.AllowEmptyClasses, choice.NoCache, overwrite
        };
        command.SetRun((parsed, cancel) =>
        {
            string path = parsed.GetRequiredValue(output);
            CheckSheet(path, parsed.GetValue(overwrite));
            var images = DataReport.Open(parsed.GetRequiredValue(source), parsed.GetValue(resolution), parsed.GetValue(channels), choice.Read(parsed.GetValue, cancel));
            ShowClasses(images);
            ShowOriginals(images);
            Terminal.WriteLine($"listing {images.ListingHash}");
            PngWriter.Write(path, DataSheet.Draw(images, cancel));
            Terminal.WriteLine($"wrote {path}");
            return 0;
        });
        return command;
    }

    private static void CheckSheet(string path, bool overwrite)
    {
        if (path.Length == 0) throw new ConfigurationException("--out is ''; a PNG file was expected");
        if (Directory.Exists(path)) throw new ConfigurationException($"{path}: is a folder; a PNG file was expected");
        OutputFile.Require(path, overwrite);
    }

    private static void ShowClasses(IImageSource images)
    {
        bool isEndless = images.Count > 1L << 30;
        int digits = (images.Classes - 1).ToString(CultureInfo.InvariantCulture).Length, width = images.ClassNames.Take(MostListed).Max(name => name.Length);
        for (int label = 0; label < Math.Min(images.Classes, MostListed); label++)
        {
            string number = label.ToString(CultureInfo.InvariantCulture).PadLeft(digits);
            Terminal.WriteLine($"  class {number}  {images.ClassNames[label].PadRight(width)}  {(isEndless ? "endless" : images.ClassCounts[label].ToString("N0", CultureInfo.InvariantCulture))}");
        }
        if (images.Classes > MostListed) Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  and {images.Classes - MostListed:N0} more classes, of {images.ClassCounts.Skip(MostListed).Min():N0} to {images.ClassCounts.Skip(MostListed).Max():N0} images"));
    }

    private static void ShowOriginals(IImageSource images)
    {
        if (images.Originals is not { } was) return;
        string sizes = was.Smallest == was.Largest ? $"{was.Smallest.Width}×{was.Smallest.Height}" : $"{was.Smallest.Width}×{was.Smallest.Height} to {was.Largest.Width}×{was.Largest.Height}";
        Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"originals of {sizes}; {was.ScaledUp:N0} scaled up, {was.Turned:N0} put upright as their EXIF data say"));
    }
}
