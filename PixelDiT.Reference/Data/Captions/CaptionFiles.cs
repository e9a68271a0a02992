using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Data.Captions;

/// <summary>
/// The captions of the pictures of a folder. <c>NAME.txt</c> beside a picture has one in each line that is not blank. Where there is none, a <c>metadata.jsonl</c> beside it or in a folder above has, a line a picture,
/// <c>{"file_name": PATH, "text": CAPTION}</c>, the path from where it lies; "caption" and "prompt" are read like "text", and a list of texts as several captions. Files are UTF-8.
/// </summary>
/// <param name="folder">The folder, above which nothing is looked for.</param>
internal sealed class CaptionFiles(string folder)
{
    /// <summary>The name of a file with the captions of many pictures.</summary>
    public const string MetadataName = "metadata.jsonl";

    /// <summary>Where captions are looked for, in words.</summary>
    public const string Expected = "NAME.txt beside NAME.png, or metadata.jsonl with file_name and text";

    private const int MostTextBytes = 1 << 20, MostMetadataBytes = 1 << 28;

    private static readonly string[] s_captionFields = ["text", "caption", "prompt"];
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // Of each folder met, by its path from the top with a slash at the end: the captions of pictures by their paths from it.
    private readonly Dictionary<string, Dictionary<string, List<string>>?> _metadata = new(StringComparer.Ordinal);

    /// <summary>The captions of a picture.</summary>
    /// <param name="name">Its path from the folder, with slashes.</param>
    /// <returns>At least one, none of them blank; or why there is none, in words that follow the picture's name.</returns>
    /// <exception cref="DataException">A metadata file is damaged.</exception>
    public (IReadOnlyList<string>? Captions, string? Reason) Of(string name)
    {
        string text = Path.ChangeExtension(name, ".txt");
        string path = Path.Combine(folder, text);
        if (File.Exists(path))
        {
            try
            {
                return (OfText(path), null);
            }
            catch (DataException error)
            {
                return (null, $"its caption file {Path.GetFileName(text)}: {error.Message}");
            }
        }
        for (int end = name.LastIndexOf('/'); ; end = end <= 0 ? -1 : name.LastIndexOf('/', end - 1))
        {
            string above = name[..(end + 1)];
            if (MetadataIn(above) is { } metadata && metadata.TryGetValue(name[(end + 1)..], out var captions)) return (captions, null);
            if (end < 0) return (null, $"has no caption ({Expected})");
        }
    }

    /// <summary>What a person should know of the files read: names in metadata of which there is no picture.</summary>
    /// <param name="names">The pictures' paths from the folder.</param>
    public IEnumerable<string> Remarks(IEnumerable<string> names)
    {
        var known = names.ToHashSet(StringComparer.Ordinal);
        foreach (var (above, metadata) in _metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            string[] missing = [.. (metadata ?? []).Keys.Where(name => !known.Contains(above + name))];
            if (missing.Length == 0) continue;
            string path = Path.Combine(folder, above, MetadataName);
            yield return $"{path}: {missing.Length} of the {metadata!.Count} pictures that it names {(missing.Length == 1 ? "is" : "are")} not there, the first {Quote.Text(missing[0])}";
        }
    }

    private static List<string> OfText(string path)
    {
        byte[] bytes = FileStart.ReadAll(path, MostTextBytes);
        try
        {
            var captions = new List<string>();
            foreach (var line in WithoutMark(s_strictUtf8.GetString(bytes)).AsSpan().EnumerateLines())
            {
                if (line.Trim() is { Length: > 0 } caption) captions.Add(caption.ToString());
            }
            return captions.Count > 0 ? captions : throw new DataException("holds white space only");
        }
        catch (DecoderFallbackException error)
        {
            throw new DataException("is not UTF-8", error);
        }
    }

    private Dictionary<string, List<string>>? MetadataIn(string above)
    {
        if (_metadata.TryGetValue(above, out var known)) return known;
        string path = Path.Combine(folder, above, MetadataName);
        return _metadata[above] = File.Exists(path) ? ReadMetadata(path) : null;
    }

    private static Dictionary<string, List<string>> ReadMetadata(string path)
    {
        var pictures = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        int number = 0;
        try
        {
            if (FileStart.Length(new FileInfo(path)) is var length and (0 or > MostMetadataBytes)) throw new DataException($"{path}: has {length} bytes; 1 to {MostMetadataBytes} were expected");
            foreach (string line in File.ReadLines(path, s_strictUtf8))
            {
                number++;
                string text = WithoutMark(line);
                if (string.IsNullOrWhiteSpace(text)) continue;
                var (name, captions) = ReadLine(text);
                if (!pictures.TryGetValue(name, out var all)) pictures.Add(name, all = []);
                all.AddRange(captions);
            }
            return pictures;
        }
        catch (JsonException error)
        {
            throw new DataException($"{path}: line {number} is no JSON; {{\"file_name\": …, \"text\": …}} was expected", error);
        }
        catch (DecoderFallbackException error)
        {
            throw new DataException($"{path}: line {number + 1} is not UTF-8", error);
        }
        catch (Exception error) when (error is LineException or InvalidOperationException)
        {
            // Half a surrogate pair is an invalid operation to the parser.
            throw new DataException($"{path}: line {number} {(error is LineException ? error.Message : "holds text that is no Unicode")}", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read ({SystemReason.Of(error)})", error);
        }
    }

    private static (string Name, List<string> Captions) ReadLine(string text)
    {
        using var json = JsonDocument.Parse(text);
        var root = json.RootElement;
        if (root.ValueKind != JsonValueKind.Object) throw new LineException("is no object; one with file_name and text was expected");
        if (!root.TryGetProperty("file_name", out var file) || file.ValueKind != JsonValueKind.String) throw new LineException("has no file_name; the path of a picture was expected");
        string name = file.GetString()!;
        while (name.StartsWith("./", StringComparison.Ordinal)) name = name[2..];
        string? field = s_captionFields.FirstOrDefault(field => root.TryGetProperty(field, out _));
        if (field is null) throw new LineException($"has no caption; text, caption or prompt was expected beside {Quote.Text(name)}");
        var value = root.GetProperty(field);
        JsonElement[] texts = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : [value];
        if (texts.Length == 0 || texts.Any(one => one.ValueKind != JsonValueKind.String || string.IsNullOrWhiteSpace(one.GetString())))
        {
            throw new LineException($"has as {field} {Quote.Text(value.GetRawText())}; a text, or a list of texts, none of them blank, was expected");
        }
        return (name, [.. texts.Select(one => one.GetString()!.Trim())]);
    }

    private static string WithoutMark(string text) => text.Length > 0 && text[0] == '\uFEFF' ? text[1..] : text;

    /// <summary>What is wrong with a line, in words that follow its number.</summary>
    private sealed class LineException(string message) : Exception(message);
}
