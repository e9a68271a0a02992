using System.Text.Json;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>
/// What renames the tensors of another implementation: lines <c>theirs = ours</c>, blank lines and lines that begin with # left out; or a JSON object
/// <c>{"theirs": "ours"}</c>. Each * of theirs stands for any text, which takes the place of the * of the same number in ours. The first rule that matches a whole name
/// renames it; a name that none matches stays.
/// </summary>
public sealed class NameMap
{
    private sealed record Rule(Regex Theirs, string[] Ours);

    private readonly List<Rule> _rules = [];

    private NameMap(string source) => Source = source;

    /// <summary>The map's path.</summary>
    public string Source { get; }

    /// <summary>Reads a map.</summary>
    /// <exception cref="FileFormatException">The file cannot be read, or a rule is wrong: the message names its line.</exception>
    public static NameMap Open(string path)
    {
        try
        {
            using var reader = new StreamReader(AtomicFile.OpenRead(path));
            return Parse(reader.ReadToEnd(), path);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Reads a map from its text.</summary>
    /// <param name="text">Lines or a JSON object.</param>
    /// <param name="source">How messages call it.</param>
    /// <exception cref="FileFormatException">A rule is wrong.</exception>
    public static NameMap Parse(string text, string source)
    {
        var map = new NameMap(source);
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (line, theirs, ours) in text.TrimStart().StartsWith('{') ? Json(text, source) : Lines(text, source))
        {
            if (theirs.Length == 0 || ours.Length == 0) throw new FileFormatException($"{source} line {line}: a name is empty; theirs = ours was expected");
            if (!lines.TryAdd(theirs, line)) throw new FileFormatException($"{source} line {line}: {Quote.Text(theirs)} has a rule already, on line {lines[theirs]}");
            int stars = theirs.Count(c => c == '*'), targets = ours.Count(c => c == '*');
            if (targets > stars)
                throw new FileFormatException($"{source} line {line}: {Quote.Text(ours)} has {targets} * and {Quote.Text(theirs)} has {stars}; at most as many were expected");
            string pattern = string.Join("(.*)", theirs.Split('*').Select(Regex.Escape));
            map._rules.Add(new Rule(new Regex($@"\A{pattern}\z", RegexOptions.NonBacktracking | RegexOptions.Singleline), ours.Split('*')));
        }
        if (map._rules.Count == 0) throw new FileFormatException($"{source}: has no rule; lines theirs = ours were expected");
        return map;
    }

    /// <summary>A name of theirs in our words.</summary>
    public string Rename(string theirs)
    {
        foreach (var rule in _rules)
        {
            if (rule.Theirs.Match(theirs) is not { Success: true } match) continue;
            return rule.Ours[0] + string.Concat(rule.Ours.Skip(1).Select((part, i) => match.Groups[i + 1].Value + part));
        }
        return theirs;
    }

    private static IEnumerable<(int Line, string Theirs, string Ours)> Lines(string text, string source)
    {
        int line = 0;
        foreach (string raw in text.Split('\n'))
        {
            line++;
            string rule = raw.Trim();
            if (rule.Length == 0 || rule[0] == '#') continue;
            string[] sides = rule.Split('=');
            if (sides.Length != 2) throw new FileFormatException($"{source} line {line}: {Quote.Text(rule)} is no rule; theirs = ours was expected");
            yield return (line, sides[0].Trim(), sides[1].Trim());
        }
    }

    private static List<(int Line, string Theirs, string Ours)> Json(string text, string source)
    {
        byte[] utf8 = System.Text.Encoding.UTF8.GetBytes(text);
        var rules = new List<(int, string, string)>();
        var reader = new Utf8JsonReader(utf8);
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                int line = 1 + utf8.AsSpan(0, (int)reader.TokenStartIndex).Count((byte)'\n');
                string theirs = reader.GetString()!;
                reader.Read();
                if (reader.TokenType != JsonTokenType.String)
                    throw new FileFormatException($"{source} line {line}: the name for {Quote.Text(theirs)} is no text; \"theirs\": \"ours\" was expected");
                rules.Add((line, theirs, reader.GetString()!));
            }
            reader.Read();
            return rules;
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{source} line {error.LineNumber + 1}: is no JSON object of texts", error);
        }
    }
}
