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

    /// <summary>Scales and cuts a picture by <see cref="ResizeRule.Adm"/>.</summary>
    /// <exception cref="ShapeException">The picture is so narrow that it would be scaled beyond what can be held.</exception>
    internal static Picture Adm(Picture picture, ImageSize size)
        => size.IsSquare ? PillowCrop.Square(picture, size.Height) : PillowCrop.Cover(picture, picture.Height, picture.Width, size.Height, size.Width);
}
