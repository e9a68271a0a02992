using PixelDiT.Kernels;

namespace PixelDiT.Reference.Pictures.Resizing;

/// <summary>How a picture is brought to the size of an image.</summary>
public enum ResizeRule
{
    /// <summary>The largest part of the image's shape is cut out of the middle, then scaled: averaged by area where it shrinks, linear between pixel centres where it grows (<see cref="PixelResize"/>). Version 1.0.0 knew no other.</summary>
    Area,

    /// <summary>As the published class models were trained: <see cref="PillowCrop.Square"/>; for images that are no squares <see cref="PillowCrop.Cover"/>, scaled until it is covered and cut out of the middle.</summary>
    Adm
}

/// <summary>The rules by name.</summary>
public static class ResizeRules
{
    /// <summary>The names, that of new runs of class models first.</summary>
    public static IReadOnlyList<string> Names { get; } = ["adm", "area"];

    /// <summary>A rule's name.</summary>
    public static string NameOf(ResizeRule rule) => rule == ResizeRule.Adm ? "adm" : "area";

    /// <summary>The rule of a name.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public static ResizeRule Parse(string name) => name switch
    {
        "adm" => ResizeRule.Adm,
        "area" => ResizeRule.Area,
        _ => throw new ConfigurationException($"resize is '{name}'; one of {string.Join(", ", Names)} was expected")
    };

    /// <summary>Scales and cuts a picture to a size, as a source does that is opened with a rule.</summary>
    /// <param name="rule">How.</param>
    /// <param name="picture">Any size.</param>
    /// <param name="size">The size of the result, sides at least 1.</param>
    /// <exception cref="ShapeException">The picture is so narrow that it would be scaled beyond what can be held.</exception>
    public static Picture Apply(ResizeRule rule, Picture picture, ImageSize size) => rule == ResizeRule.Adm ? Adm(picture, size) : Area(picture, size);

    private static Picture Area(Picture picture, ImageSize size)
    {
        var (left, top, width, height) = size.CentreOf(picture.Height, picture.Width);
        var resize = new PixelResize(height, width, size.Height, size.Width);
        byte[] pixels = new byte[picture.Channels * size.Area], from = new byte[width * height], to = new byte[size.Area];
        for (int c = 0; c < picture.Channels; c++)
        {
            for (int i = 0; i < from.Length; i++) from[i] = picture.Pixels[((((top + (i / width)) * picture.Width) + left + (i % width)) * picture.Channels) + c];
            resize.Apply(from, to);
            for (int i = 0; i < to.Length; i++) pixels[(i * picture.Channels) + c] = to[i];
        }
        return new Picture(size.Width, size.Height, picture.Channels, pixels);
    }

    /// <summary>Scales and cuts a picture by <see cref="ResizeRule.Adm"/>.</summary>
    /// <exception cref="ShapeException">The picture is so narrow that it would be scaled beyond what can be held.</exception>
    internal static Picture Adm(Picture picture, ImageSize size)
        => size.IsSquare ? PillowCrop.Square(picture, size.Height) : PillowCrop.Cover(picture, picture.Height, picture.Width, size.Height, size.Width);
}
