using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Sampling;

/// <summary>
/// Chooses classes by what a person writes: a name, a number, a range of numbers, <c>all</c>, or <c>none</c> for the null class, which is no class. An entry that is the name of a
/// class is that class, commas and all; any other entry may be several with commas between them.
/// </summary>
/// <param name="classes">The number of classes.</param>
/// <param name="names">A name for each, or none at all.</param>
internal sealed class ClassList(int classes, IReadOnlyList<string> names)
{
    private const int NamesShown = 30;

    // Where folders are called 1, 2, 3 and 10, a number is a name and never a place in the list.
    private readonly bool _namesAreNumbers = names.Count > 0 && names.All(name => Number(name) is not null);

    /// <summary>The labels that entries choose, in their order; a label may be chosen more than once, and the label of the null class is the number of classes.</summary>
    /// <param name="entries">What was written; null for every class.</param>
    /// <exception cref="ConfigurationException">An entry names no class.</exception>
    public int[] Choose(IEnumerable<string>? entries) => entries is null ? [.. Enumerable.Range(0, classes)] :
        [.. entries.SelectMany(entry => Whole(entry) ?? [.. entry.Split(',', StringSplitOptions.TrimEntries).SelectMany(part => Whole(part) ?? throw Unknown(part))])];

    private int[]? Whole(string text)
    {
        if (Named(text) is { } named) return [named];
        if (text.Equals("all", StringComparison.OrdinalIgnoreCase)) return [.. Enumerable.Range(0, classes)];
        if (text.Equals("none", StringComparison.OrdinalIgnoreCase)) return [classes];
        // #3 is the fourth class whatever the names are.
        if (text is ['#', .. var place]) return Number(place) is { } at && at < classes ? [(int)at] : null;
        if (text.Split('-', StringSplitOptions.TrimEntries) is [var first, var last] && Number(first) is { } from && Number(last) is { } to) return Range(from, to);
        return !_namesAreNumbers && Number(text) is { } number && number < classes ? [(int)number] : null;
    }

    private int[]? Range(long from, long to)
    {
        if (from > to) return null;
        if (!_namesAreNumbers) return to < classes ? [.. Enumerable.Range((int)from, (int)(to - from) + 1)] : null;
        int[] within = [.. names.Index().Select(named => (named.Index, Number: Number(named.Item)!.Value)).Where(named => named.Number >= from && named.Number <= to).OrderBy(named => named.Number).Select(named => named.Index)];
        return within.Length > 0 ? within : null;
    }

    /// <summary>A name as it is spelled; else the one name that is the same but for upper and lower case.</summary>
    private int? Named(string text)
    {
        for (int label = 0; label < names.Count; label++)
        {
            if (names[label] == text) return label;
        }
        int[] alike = [.. names.Index().Where(named => named.Item.Equals(text, StringComparison.OrdinalIgnoreCase)).Select(named => named.Index)];
        return alike.Length == 1 ? alike[0] : null;
    }

    private ConfigurationException Unknown(string text)
    {
        string known = names.Count == 0 ? "" : $": {string.Join(", ", names.Take(NamesShown).Select(Printable.Name))}{(names.Count > NamesShown ? $" and {names.Count - NamesShown} more" : "")}";
        string how = _namesAreNumbers ? "; numbers are names here, and #0 is the first class" : "";
        return new ConfigurationException($"class '{text}' is unknown; this model has classes 0 to {classes - 1}{known}{how}; a name, a number, a range such as 0-3, all or none was expected");
    }

    private static long? Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}
