using System.Globalization;
using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text;

/// <summary>A prompt of a file.</summary>
/// <param name="Id">What the file calls it, any text; null where it does not.</param>
/// <param name="Text">The prompt, size marks included (<see cref="Tokenizers.PromptMarks"/>); may be empty in JSON.</param>
/// <param name="Line">Where it stands, from 1.</param>
internal sealed record FilePrompt(string? Id, string Text, int Line)
{
    /// <summary>Its own negative prompt, or null.</summary>
    public string? Negative { get; init; }

    /// <summary>The seed of its noise, or null.</summary>
    public ulong? Seed { get; init; }

    /// <summary>The picture's width in pixels, or null.</summary>
    public int? Width { get; init; }

    /// <summary>The picture's height in pixels, or null.</summary>
    public int? Height { get; init; }
}

/// <summary>
/// Reads prompts from a file, in UTF-8 or in UTF-16 with its mark. By the file's name it is JSON (<c>.json</c>: an object of ids with a prompt each, as the authors have it, or a list of prompts), JSON lines
/// (<c>.jsonl</c>, <c>.ndjson</c>: a prompt a line), or else text: a prompt a line, without the white space around it, blank lines skipped. In JSON a prompt is a text, or an object with a text under <c>prompt</c>
/// and, if wanted, <c>id</c>, <c>negative</c>, <c>seed</c>, <c>width</c> and <c>height</c>; other keys are passed over.
/// </summary>
internal static class PromptFile
{
    private const int LongestText = 1 << 16, LargestSide = 1 << 16, MostPrompts = 1_000_000;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="say">Told in a line how many blank lines were skipped, if any.</param>
    /// <returns>At least one prompt, in the order of the file; no two with one id.</returns>
    /// <exception cref="FileFormatException">It cannot be read, is too large, in another encoding, empty, or no such JSON; the message names the line.</exception>
    public static IReadOnlyList<FilePrompt> Read(string path, Action<string>? say = null)
    {
        string text = TextFile.Read(path);
        var prompts = new Prompts(path);
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".json":
                ReadJson(text, prompts);
                break;
            case ".jsonl" or ".ndjson":
                ReadLines(text, prompts, (line, number) => prompts.Add(null, ParseLine(line, number, prompts), number), say);
                break;
            default:
                ReadLines(text, prompts, (line, number) => prompts.Add(new(null, line, number)), say);
                break;
        }
        return prompts.Found.Count > 0 ? prompts.Found : throw new FileFormatException($"{path}: holds no prompts");
    }

    private static void ReadLines(string text, Prompts prompts, Action<string, int> add, Action<string>? say)
    {
        using var reader = new StringReader(text);
        int number = 0, blank = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) blank++;
            else add(line.Trim(), number);
        }
        if (blank > 0) say?.Invoke($"{prompts.Path}: {blank} blank line{(blank == 1 ? "" : "s")} skipped");
    }

    private static JsonElement ParseLine(string line, int number, Prompts prompts)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.Clone();
        }
        catch (JsonException error)
        {
            // A line is a file of its own to the parser.
            throw prompts.Error(number, $"is no JSON: {JsonReason.Of(error).Replace("line 1, ", "", StringComparison.Ordinal)}");
        }
    }

    private static void ReadJson(string text, Prompts prompts)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        var reader = new Utf8JsonReader(bytes);
        int line = 1;
        long counted = 0;
        try
        {
            reader.Read();
            bool isList = reader.TokenType == JsonTokenType.StartArray;
            if (!isList && reader.TokenType != JsonTokenType.StartObject) throw new FileFormatException($"{prompts.Path}: is neither a JSON object of prompts by their ids nor a list of prompts");
            while (reader.Read() && reader.TokenType is not (JsonTokenType.EndArray or JsonTokenType.EndObject))
            {
                line += bytes.AsSpan((int)counted..(int)reader.TokenStartIndex).Count((byte)'\n');
                counted = reader.TokenStartIndex;
                string? id = null;
                if (!isList)
                {
                    id = reader.GetString();
                    reader.Read();
                }
                using var value = JsonDocument.ParseValue(ref reader);
                prompts.Add(id, value.RootElement, line);
            }
            // What stands behind the end is found by reading on.
            reader.Read();
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{prompts.Path}: is no well-formed JSON: {JsonReason.Of(error)}", error);
        }
        catch (InvalidOperationException error)
        {
            // So .NET answers texts that are half a character.
            throw prompts.Error(line, "holds a text that is not Unicode", error);
        }
    }

    /// <summary>The prompts found so far.</summary>
    private sealed class Prompts(string path)
    {
        private readonly Dictionary<string, int> _lines = new(StringComparer.Ordinal);

        public List<FilePrompt> Found { get; } = [];

        public string Path => path;

        public FileFormatException Error(int line, string problem, Exception? inner = null) => new($"{path}: line {line} {problem}", inner);

        public void Add(FilePrompt prompt)
        {
            if (prompt.Text.Length > LongestText) throw Error(prompt.Line, $"holds a prompt of {prompt.Text.Length} characters; at most {LongestText} were expected");
            if (Found.Count == MostPrompts) throw Error(prompt.Line, $"holds prompt {MostPrompts + 1}; at most {MostPrompts} were expected");
            if (prompt.Id is { } id && !_lines.TryAdd(id, prompt.Line)) throw Error(prompt.Line, $"holds a second prompt of the id {Quote.Text(id)}; the first is in line {_lines[id]}");
            Found.Add(prompt);
        }

        /// <summary>Adds a prompt in JSON.</summary>
        public void Add(string? id, JsonElement json, int line)
        {
            try
            {
                Add(json.ValueKind switch
                {
                    JsonValueKind.String => new(id, json.GetString()!, line),
                    JsonValueKind.Object => FromObject(id, json, line),
                    _ => throw Error(line, $"holds {Quote.Text(json.GetRawText())}; a prompt was expected, a text or an object with a text under \"prompt\"")
                });
            }
            catch (InvalidOperationException error)
            {
                throw Error(line, "holds a text that is not Unicode", error);
            }
        }

        private FilePrompt FromObject(string? id, JsonElement json, int line)
        {
            if (Value(json, "id") is { } named)
            {
                if (named.ValueKind is not (JsonValueKind.String or JsonValueKind.Number)) throw Wrong(line, "id", named, "a text or a number");
                id ??= named.ToString();
            }
            string? Words(string key) => Value(json, key) switch
            {
                null => null,
                { ValueKind: JsonValueKind.String } text => text.GetString(),
                { } other => throw Wrong(line, key, other, "a text")
            };
            int? Side(string key) => Value(json, key) switch
            {
                null => null,
                { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out int side) && side is >= 1 and <= LargestSide => side,
                { } other => throw Wrong(line, key, other, $"a whole number from 1 to {LargestSide}")
            };
            ulong? seed = Value(json, "seed") switch
            {
                null => null,
                { ValueKind: JsonValueKind.Number } number when number.TryGetUInt64(out ulong found) => found,
                { } other => throw Wrong(line, "seed", other, "a whole number from 0 to 2^64 - 1")
            };
            string prompt = Words("prompt") ?? throw Error(line, "holds an object without a text under \"prompt\"");
            return new(id, prompt, line) { Negative = Words("negative"), Seed = seed, Width = Side("width"), Height = Side("height") };
        }

        private FileFormatException Wrong(int line, string key, JsonElement found, string expected)
            => Error(line, string.Create(CultureInfo.InvariantCulture, $"holds {Quote.Text(found.GetRawText())} under \"{key}\"; {expected} was expected"));

        private static JsonElement? Value(JsonElement json, string key) => json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }
}
