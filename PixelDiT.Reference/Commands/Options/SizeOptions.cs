using System.CommandLine;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Data.Shards;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options that say how large images are: a square, both sides, or a shape among the published sizes.</summary>
internal sealed class SizeOptions
{
    private const double WidestRatio = 4;

    private readonly Option<int> _resolution = new("--resolution") { Description = "The side of square images; with --aspect the table of sizes, 512 or 1024. [default: the recipe's, or what the model was trained on]", HelpName = "N" };
    private readonly Option<int> _width = Side("--width", "The width of the images in pixels, with --height: a multiple of the model's patch."), _height = Side("--height", "The height of the images in pixels, with --width.");
    private readonly Option<double> _aspect = new("--aspect")
    {
        Description = "The shape of the images, width:height, such as 16:9 for a wide one: the nearest of the 33 published sizes of about 512² or 1024² pixels.",
        HelpName = "W:H",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (text.Split(':') is [var width, var height] && Cli.TryNumber(width, out double w) && Cli.TryNumber(height, out double h) && w > 0 && h > 0 && w / h is >= 1 / WidestRatio and <= WidestRatio) return w / h;
            result.AddError($"--aspect is '{text}'; width:height from 1:{WidestRatio} to {WidestRatio}:1 was expected, such as 16:9 for a wide image or 2:3 for a high one");
            return 1;
        }
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in All) command.Options.Add(option);
    }

    /// <summary>All options, in their order.</summary>
    public IReadOnlyList<Option> All => [_resolution, _width, _height, _aspect];

    /// <summary>Checks that the options do not contradict each other.</summary>
    /// <exception cref="ConfigurationException">They do.</exception>
    public void Check(ParseResult parsed)
    {
        bool hasWidth = Cli.IsGiven(parsed, _width), hasHeight = Cli.IsGiven(parsed, _height);
        if (hasWidth != hasHeight) throw new ConfigurationException($"{(hasWidth ? "--width is given without --height" : "--height is given without --width")}; --resolution gives both sides of a square");
        if (hasWidth && Cli.IsGiven(parsed, _aspect)) throw new ConfigurationException("--aspect and --width exclude each other");
        if (hasWidth && Cli.IsGiven(parsed, _resolution)) throw new ConfigurationException("--resolution and --width exclude each other");
    }

    /// <summary>The size that --resolution or --height and --width say; null where none of them is given.</summary>
    public ImageSize? Asked(ParseResult parsed)
        => Cli.IsGiven(parsed, _width) ? new ImageSize(parsed.GetValue(_height), parsed.GetValue(_width)) : Cli.IsGiven(parsed, _resolution) ? parsed.GetValue(_resolution) : null;

    /// <summary>Whether anything but a resolution is given.</summary>
    public bool SaysShape(ParseResult parsed) => Cli.IsGiven(parsed, _width) || Cli.IsGiven(parsed, _aspect);

    /// <summary>The size of the images.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="trained">The size where none is given; null where none is known.</param>
    /// <param name="patch">p, the model's patch.</param>
    /// <exception cref="ConfigurationException">A side is out of range, missing, or no multiple of the patch; or there are no published sizes of the resolution.</exception>
    public ImageSize Size(ParseResult parsed, ImageSize? trained, int patch)
    {
        if (Cli.IsGiven(parsed, _width)) return new(Whole("height", parsed.GetValue(_height), patch), Whole("width", parsed.GetValue(_width), patch));
        if (!Cli.IsGiven(parsed, _aspect))
        {
            var (height, width) = Resolution(parsed, trained);
            return height == width ? new(Whole("resolution", height, patch)) : new(Whole("height", height, patch), Whole("width", width, patch));
        }
        double aspect = parsed.GetValue(_aspect);
        var size = Bucket(Table(parsed, trained, "--aspect"), 1 / aspect, patch);
        Terminal.WriteLine($"images of {size.Width} wide, {size.Height} high");
        return size;
    }

    /// <summary>The resolution of the images' table of sizes, and the table.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="trained">The size where none is given; null where none is known.</param>
    /// <param name="who">The option that chooses among sizes.</param>
    /// <exception cref="ConfigurationException">There are no published sizes of the resolution.</exception>
    public AspectBuckets Table(ParseResult parsed, ImageSize? trained, string who)
    {
        var size = Resolution(parsed, trained);
        return (size.IsSquare ? AspectBuckets.Inference(size.Height) : null)
            ?? throw new ConfigurationException(string.Create(CultureInfo.InvariantCulture, $"{who} chooses among the published sizes, which there are for a --resolution of 512 and 1024, and it is {(size.IsSquare ? $"{size.Height}" : $"{size}")}; --width and --height give any size"));
    }

    /// <summary>The size of a table that is nearest to a shape.</summary>
    /// <param name="table">The table.</param>
    /// <param name="ratio">Height over width.</param>
    /// <param name="patch">p, the model's patch.</param>
    /// <exception cref="ConfigurationException">It is no multiple of the patch.</exception>
    public static ImageSize Bucket(AspectBuckets table, double ratio, int patch)
    {
        var bucket = table.Closest(ratio);
        return new(Whole("height", bucket.Height, patch), Whole("width", bucket.Width, patch));
    }

    /// <summary>A side that is in range and a multiple of the patch.</summary>
    /// <exception cref="ConfigurationException">It is not; the message names the nearest that are.</exception>
    public static int Whole(string name, int side, int patch)
    {
        if (side is < 1 or > ImageSize.LargestSide) throw new ConfigurationException($"{name} is {side}; it must be from 1 to {ImageSize.LargestSide}");
        if (side % patch == 0) return side;
        int below = side / patch * patch, above = below + patch;
        string nearest = below == 0 ? $"the nearest is {above}" : $"the nearest are {below} and {above}";
        throw new ConfigurationException($"{name} is {side}; multiples of {patch}, the model's patch, can be drawn, and {nearest}");
    }

    private ImageSize Resolution(ParseResult parsed, ImageSize? trained)
    {
        if (Cli.IsGiven(parsed, _resolution)) return parsed.GetValue(_resolution);
        return trained ?? throw new ConfigurationException("--resolution is missing, and the model file does not say what it was trained on");
    }

    private static Option<int> Side(string name, string description) => new(name) { Description = description, HelpName = "N" };
}
