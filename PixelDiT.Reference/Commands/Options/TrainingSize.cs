using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options that say how large the images of a data source become: a square, or both sides.</summary>
internal sealed class TrainingSize
{
    /// <summary>The side of squares.</summary>
    public Option<int> Resolution { get; } = Cli.Option("--resolution", "The side of square images.", new TrainingConfig().Size.Height);

    /// <summary>The width, with <see cref="Height"/>.</summary>
    public Option<int> Width { get; } = new("--width") { Description = "The width of the images, with --height: a multiple of the model's patch. What is too much on two sides of a picture is cut off.", HelpName = "N" };

    /// <summary>The height, with <see cref="Width"/>.</summary>
    public Option<int> Height { get; } = new("--height") { Description = "The height of the images, with --width.", HelpName = "N" };

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [Resolution, Width, Height];

    /// <summary>The size.</summary>
    /// <exception cref="ConfigurationException">The options contradict each other.</exception>
    public ImageSize Read(Settings settings)
    {
        bool hasWidth = settings.IsGiven(Width), hasHeight = settings.IsGiven(Height);
        if (hasWidth != hasHeight) throw new ConfigurationException($"{(hasWidth ? "--width is given without --height" : "--height is given without --width")}; --resolution gives both sides of a square");
        if (hasWidth && settings.IsGiven(Resolution)) throw new ConfigurationException("--resolution and --width exclude each other");
        return hasWidth ? new ImageSize(settings.Get(Height), settings.Get(Width)) : settings.Get(Resolution);
    }
}
