using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Data.Shards;

/// <summary>
/// Captions and scores beside a shard <c>X.tar</c>. Captions, <c>X{suffix}.json</c> = <c>{KEY: {TYPE: TEXT}}</c>, are laid over what the shard itself says of a sample, file after file; scores, of the same shape with
/// numbers, are collected, so that a type scored in two files counts twice. A file that is not there says nothing; one that is broken says nothing either, and is remarked upon.
/// </summary>
internal sealed class ShardCaptions
{
    private const int MostBytes = 1 << 28;

    private static readonly string[] s_captionSuffixes = ["", "_InternVL2-26B", "_VILA1-5-13B"];
    private static readonly string[] s_scoreSuffixes = ["_InternVL2-26B_clip_score", "_VILA1-5-13B_clip_score", "_prompt_clip_score"];

    private readonly Dictionary<string, Dictionary<string, CaptionText>> _captions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(string Type, string Score)>> _scores = new(StringComparer.Ordinal);
    private readonly List<string> _remarks = [];

    /// <summary>Reads the files beside a shard.</summary>
    public ShardCaptions(string tar)
    {
        string stem = tar[..^".tar".Length];
        foreach (string suffix in s_captionSuffixes) Read($"{stem}{suffix}.json", AddCaption);
        foreach (string suffix in s_scoreSuffixes) Read($"{stem}{suffix}.json", AddScore);
    }

    /// <summary>What is broken, a line each.</summary>
    public IReadOnlyList<string> Remarks => _remarks;

    /// <summary>The files beside a shard that are there.</summary>
    public static IEnumerable<string> FilesBeside(string tar) => s_captionSuffixes.Concat(s_scoreSuffixes).Select(suffix => $"{tar[..^".tar".Length]}{suffix}.json").Where(File.Exists);

    /// <summary>Lays a sample's captions over others of the same type.</summary>
    public void LayOver(string key, Dictionary<string, CaptionText> captions)
    {
        if (!_captions.TryGetValue(key, out var beside)) return;
        foreach (var (type, text) in beside) captions[type] = text;
    }

    /// <summary>A sample's scores in the order of the files.</summary>
    /// <exception cref="DataException">One is no number.</exception>
    public IReadOnlyList<(string Type, double Score)> ScoresOf(string key)
    {
        if (!_scores.TryGetValue(key, out var scores)) return [];
        return [.. scores.Select(score => (score.Type, double.TryParse(score.Score, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
            ? value
            : throw new DataException($"the score of {Quote.Text(score.Type)} is {Quote.Text(score.Score)}; a number was expected")))];
    }

    private void Read(string path, Action<string, string, JsonElement> add)
    {
        if (!File.Exists(path)) return;
        try
        {
            using var json = JsonDocument.Parse(ShardList.ReadWhole(path, MostBytes));
            var root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object || root.EnumerateObject().Any(sample => sample.Value.ValueKind != JsonValueKind.Object))
            {
                _remarks.Add($"{path}: holds something else than an object for each sample and is left out");
                return;
            }
            // All names are read before any is kept: half a surrogate pair among them is an invalid operation to the parser.
            (string Key, string Type, JsonElement Value)[] fields = [.. root.EnumerateObject().SelectMany(sample => sample.Value.EnumerateObject().Select(field => (sample.Name, field.Name, field.Value)))];
            foreach (var (key, type, value) in fields) add(key, type, value);
        }
        catch (JsonException error)
        {
            _remarks.Add($"{path}: is no JSON and is left out: {JsonReason.Of(error)}");
        }
        catch (Exception error) when (error is FileFormatException or InvalidOperationException)
        {
            _remarks.Add(error is FileFormatException ? $"{error.Message}; it is left out" : $"{path}: holds names that are no Unicode and is left out");
        }
    }

    private void AddCaption(string key, string type, JsonElement value)
    {
        if (!_captions.TryGetValue(key, out var captions)) _captions.Add(key, captions = new(StringComparer.Ordinal));
        captions[type] = CaptionText.Of(value);
    }

    private void AddScore(string key, string type, JsonElement value)
    {
        if (!_scores.TryGetValue(key, out var scores)) _scores.Add(key, scores = []);
        scores.Add((type, value.ValueKind == JsonValueKind.String && CaptionText.Of(value).Text is { } text ? text : value.GetRawText()));
    }
}

/// <summary>A caption as a file holds it.</summary>
/// <param name="Text">The text; null for anything but a text, which only fails if it is chosen.</param>
internal readonly record struct CaptionText(string? Text)
{
    /// <summary>A null is an empty caption; half a surrogate pair is no text.</summary>
    public static CaptionText Of(JsonElement value)
    {
        try
        {
            return new(value.ValueKind switch
            {
                JsonValueKind.String => value.GetString(),
                JsonValueKind.Null => "",
                _ => null
            });
        }
        catch (InvalidOperationException)
        {
            return new(null);
        }
    }
}
