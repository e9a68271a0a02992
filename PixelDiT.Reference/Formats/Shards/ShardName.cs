using System.Globalization;
using System.Text.RegularExpressions;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Shards;

/// <summary>The names that several files of one model have: <c>NAME-00001-of-00002.EXTENSION</c>, with their index <c>NAME.EXTENSION.index.json</c>.</summary>
internal static partial class ShardName
{
    /// <summary>What an index's name ends with.</summary>
    public const string IndexExtension = ".index.json";

    /// <summary>What <see cref="IWeightFile.PartOf"/> says of a path.</summary>
    public static string? PartOf(string path)
    {
        if (Shard().Match(Path.GetFileName(path)) is not { Success: true } name) return null;
        int number = int.Parse(name.Groups[2].ValueSpan, CultureInfo.InvariantCulture), count = int.Parse(name.Groups[3].ValueSpan, CultureInfo.InvariantCulture);
        if (count < 2) return null;
        string index = Path.Combine(Path.GetDirectoryName(path) ?? "", name.Groups[1].Value + name.Groups[4].Value + IndexExtension);
        return $"is file {number} of {count} of a model; open {Quote.Text(index)} for the whole{(File.Exists(index) ? "" : ", which is not beside it")}";
    }

    /// <summary>Whether a file's name is that of one of several.</summary>
    public static bool IsShard(string name) => Shard().IsMatch(name);

    [GeneratedRegex(@"^(.+)-(\d{3,6})-of-(\d{3,6})(\.[A-Za-z]+)$", RegexOptions.NonBacktracking)]
    private static partial Regex Shard();
}
