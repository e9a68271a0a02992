using PixelDiT.Kernels;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>Which of a file's sets of weights to take (<see cref="WeightSets"/>).</summary>
public sealed record WeightChoice
{
    private static readonly char[] s_ends = ['.', '*', '/', ' '];

    private WeightChoice(string text, string? path) => (Text, Path) = (text, path);

    /// <summary>The averaged weights, which samples are drawn from; where nothing is averaged, the file's only set.</summary>
    public static WeightChoice Ema { get; } = new("ema", null);

    /// <summary>The weights that the optimizer steps: the only set that is not averaged.</summary>
    public static WeightChoice Raw { get; } = new("raw", null);

    /// <summary>The choice as it is written on a command line.</summary>
    public string Text { get; }

    /// <summary>The option that takes such a text, for messages.</summary>
    public string Option { get; init; } = "--weights";

    /// <summary>Whether the choice is that of weights that are not averaged.</summary>
    internal bool IsRaw => Path is null && Text == Raw.Text;

    /// <summary>The path of a set, or a part of it in whole segments, without the dot at its end; empty for the set without a prefix, null for a choice by kind.</summary>
    public string? Path { get; }

    /// <summary>The set of a path.</summary>
    /// <param name="path">As a file's sets are listed, such as <c>model_ema1</c>, also with a dot or <c>.*</c> at its end; <c>.</c> is the set without a prefix.</param>
    public static WeightChoice Under(string path) => new(path, path.Trim(s_ends));

    /// <summary>Reads a choice: ema, raw, or the path of a set. A set whose whole path is one of the two words is named with a dot behind it.</summary>
    /// <exception cref="ConfigurationException">The text is empty.</exception>
    public static WeightChoice Parse(string text) => text switch
    {
        "ema" => Ema,
        "raw" => Raw,
        _ when string.IsNullOrWhiteSpace(text) => throw new ConfigurationException("the choice of weights is ''; ema, raw or the path of a set was expected"),
        _ => Under(text)
    };
}
