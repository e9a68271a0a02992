using System.Globalization;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>
/// A prompt and the size marks in it, as the authors read them: <c>--aspect_ratio a:b</c> or <c>--ar a:b</c> for the ratio, <c>--hw a:b</c> for the size, all height:width; the first of
/// each counts. The prompt ends at the first mark, be it followed by numbers or not, and what stands behind it is lost.
/// </summary>
/// <param name="Text">The prompt without marks and without white space around it.</param>
/// <param name="Ratio">Height over width; null where no mark says, which means 1.</param>
/// <param name="Size">Height and width in pixels; null where no mark says.</param>
internal sealed partial record PromptMarks(string Text, double? Ratio, (int Height, int Width)? Size)
{
    private const string AspectRatio = "--aspect_ratio", Short = "--ar", HeightWidth = "--hw";

    /// <summary>Takes a prompt apart.</summary>
    /// <exception cref="ConfigurationException">A mark has a side of 0, or one that is too large for a number.</exception>
    public static PromptMarks Of(string prompt)
    {
        string text = prompt;
        foreach (string mark in (string[])[AspectRatio, Short, HeightWidth])
        {
            int at = text.IndexOf(mark, StringComparison.Ordinal);
            if (at >= 0) text = text[..at];
        }
        var ratio = Sides(AspectRatioMark().Match(prompt), AspectRatio) ?? Sides(ShortMark().Match(prompt), Short);
        return new(Strip(text), ratio is { } sides ? (double)sides.Height / sides.Width : null, Sides(HeightWidthMark().Match(prompt), HeightWidth));
    }

    /// <summary>The same of a prompt that a person shall find again.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="where">Where it stands, for the message.</param>
    /// <exception cref="ConfigurationException">A mark has a side of 0, or one that is too large for a number.</exception>
    internal static PromptMarks Of(string prompt, string where)
    {
        try
        {
            return Of(prompt);
        }
        catch (ConfigurationException error)
        {
            throw new ConfigurationException($"{where}: {error.Message}");
        }
    }

    /// <summary>Whether a prompt holds such a mark with its numbers, be they in range or not.</summary>
    public static bool AreIn(string prompt) => AspectRatioMark().IsMatch(prompt) || ShortMark().IsMatch(prompt) || HeightWidthMark().IsMatch(prompt);

    private static (int Height, int Width)? Sides(Match match, string mark)
    {
        if (!match.Success) return null;
        if (Side(match.Groups[1]) is { } height && Side(match.Groups[2]) is { } width) return (height, width);
        throw new ConfigurationException($"{mark} {Quote.Text(match.Groups[1].Value + ":" + match.Groups[2].Value)}: height:width from 1 to {int.MaxValue} were expected");

        static int? Side(Group digits) => int.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int side) && side > 0 ? side : null;
    }

    /// <summary>Python's strip, whose white space has four separators of ASCII beside those of .NET.</summary>
    private static string Strip(string text)
    {
        int first = 0, end = text.Length;
        while (first < end && IsSpace(text[first])) first++;
        while (end > first && IsSpace(text[end - 1])) end--;
        return text[first..end];

        static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001c' and <= '\u001f';
    }

    [GeneratedRegex(@"--aspect_ratio[\s\x1c-\x1f]+([0-9]+):([0-9]+)", RegexOptions.NonBacktracking)]
    private static partial Regex AspectRatioMark();

    [GeneratedRegex(@"--ar[\s\x1c-\x1f]+([0-9]+):([0-9]+)", RegexOptions.NonBacktracking)]
    private static partial Regex ShortMark();

    [GeneratedRegex(@"--hw[\s\x1c-\x1f]+([0-9]+):([0-9]+)", RegexOptions.NonBacktracking)]
    private static partial Regex HeightWidthMark();
}
