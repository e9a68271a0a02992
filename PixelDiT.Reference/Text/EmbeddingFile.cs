using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models.Weights;

namespace PixelDiT.Reference.Text;

/// <summary>A text whose states are stored.</summary>
/// <param name="Id">What its maker calls it, or null.</param>
/// <param name="Prompt">The text.</param>
public sealed record EmbeddingEntry(string? Id, Prompt Prompt);

/// <summary>
/// A safetensors file with the states of texts, in the place of the encoder that made them. It has a tensor [n, width] of F32 or BF16 for each text, <c>text.0</c>, <c>text.1</c>, …, and these metadata:
/// <c>kind</c> "text states"; <c>version</c> "1"; <c>encoder</c> and <c>identity</c>, the encoder's <see cref="ITextEncoder.Name"/> and <see cref="ITextEncoder.Identity"/>; <c>width</c> and <c>tokens</c>; and <c>texts</c>, a JSON list of
/// <c>{"id": …, "prompt": …, "negative": true or false, "tensor": …}</c>, id being left out where there is none. Several entries may share a tensor.
/// </summary>
public sealed class EmbeddingFile : ITextEncoder
{
    private const string KindKey = "kind", Kind = "text states", VersionKey = "version", Version = "1", EncoderKey = "encoder", IdentityKey = "identity", WidthKey = "width", TokensKey = "tokens", TextsKey = "texts";
    private const int MostTokens = 1 << 16, MostWidth = 1 << 20, IdentityDigits = 64;

    private static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly SafetensorsReader _file;
    private readonly Dictionary<Prompt, string> _tensors = [];
    private readonly List<EmbeddingEntry> _entries = [];
    private readonly bool _isRounded;

    private EmbeddingFile(SafetensorsReader file)
    {
        _file = file;
        if (file.Metadata.GetValueOrDefault(KindKey) != Kind) throw Error($"its metadata {KindKey} is {Said(KindKey)}; {Quote.Text(Kind)} was expected, as encode writes it");
        if (file.Metadata.GetValueOrDefault(VersionKey) != Version) throw Error($"its metadata {VersionKey} is {Said(VersionKey)}; {Quote.Text(Version)} was expected");
        Name = file.Metadata.GetValueOrDefault(EncoderKey) ?? throw Error($"its metadata {EncoderKey} is absent; the encoder's name was expected");
        string identity = file.Metadata.GetValueOrDefault(IdentityKey, "");
        if (identity.Length != IdentityDigits || !identity.All(char.IsAsciiHexDigitLower)) throw Error($"its metadata {IdentityKey} is {Said(IdentityKey)}; {IdentityDigits} hexadecimal digits were expected");
        (Width, Tokens) = (Number(WidthKey, MostWidth), Number(TokensKey, MostTokens));
        try
        {
            ReadTexts();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // The latter is .NET's answer to a text that is half a character.
            throw Error($"its metadata {TextsKey} is no well-formed JSON{(error is JsonException json ? ": " + JsonReason.Of(json) : "")}");
        }
        var types = _tensors.Values.Select(name => file[name].Type).Distinct().ToList();
        _isRounded = types is not [DataType.F32];
        Identity = _isRounded ? FileHash.Sum(JsonSerializer.SerializeToUtf8Bytes((string[])[identity, .. types.Select(type => type.FormatName).Order(StringComparer.Ordinal)])) : identity;
    }

    /// <summary>The name of the encoder that made the states.</summary>
    public string Name { get; }

    /// <summary>That of the encoder where states are stored as they were, and another one where they are rounded.</summary>
    public string Identity { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public int Tokens { get; }

    /// <summary>Whether states are stored with fewer digits than they had.</summary>
    public bool IsRounded => _isRounded;

    /// <summary>What is stored, in the order of the file.</summary>
    public IReadOnlyList<EmbeddingEntry> Entries => _entries;

    /// <summary>Opens a file and checks all but the states, which are read when they are asked for.</summary>
    /// <exception cref="FileFormatException">It cannot be read, or is no such file; the message says where.</exception>
    public static EmbeddingFile Open(string path)
    {
        var file = SafetensorsReader.Open(path);
        try
        {
            return new(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Encodes texts and writes their states, a part at a time, so that neither memory nor what an interruption costs grows with their number.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="entries">The texts, at least one; equal ones are encoded and stored once.</param>
    /// <param name="type">F32 or BF16.</param>
    /// <param name="atATime">Texts that are encoded in one call.</param>
    /// <param name="progress">As <see cref="ITextEncoder.Encode"/> tells it, of the whole.</param>
    /// <param name="cancel">Ends the work; the file is then as it was.</param>
    /// <exception cref="FileFormatException">The file cannot be written.</exception>
    /// <exception cref="NotFiniteException">A state is infinite or no number.</exception>
    /// <inheritdoc cref="ITextEncoder.Encode" path="/exception"/>
    public static void Write(string path, ITextEncoder encoder, IReadOnlyList<EmbeddingEntry> entries, DataType type, int atATime, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        Prompt[] prompts = [.. entries.Select(entry => entry.Prompt).Distinct()];
        var places = prompts.Index().ToDictionary(prompt => prompt.Item, prompt => prompt.Index);
        var metadata = new Dictionary<string, string>
        {
            [KindKey] = Kind,
            [VersionKey] = Version,
            [EncoderKey] = encoder.Name,
            [IdentityKey] = encoder.Identity,
            [WidthKey] = encoder.Width.ToString(CultureInfo.InvariantCulture),
            [TokensKey] = encoder.Tokens.ToString(CultureInfo.InvariantCulture),
            [TextsKey] = Texts(entries, places)
        };
        IReadOnlyList<float[]> states = [];
        int next = 0, first = 0;
        SafetensorsWriter.Write(path, [.. prompts.Select((_, i) => new TensorSpec(NameOf(i), type, [encoder.Tokens, encoder.Width]))], metadata, (_, element, chunk) =>
        {
            if (element == 0 && next++ == first + states.Count)
            {
                first += states.Count;
                var part = prompts[first..Math.Min(prompts.Length, first + atATime)];
                states = encoder.Encode(part, (done, what) => progress?.Invoke((first + done * part.Length) / prompts.Length, Within(first, part.Length, prompts.Length) + what), cancel);
                RequireFinite(path, part, states);
            }
            cancel.ThrowIfCancellationRequested();
            states[next - 1 - first].AsSpan((int)element, chunk.Length).CopyTo(chunk);
        });
    }

    /// <summary>The states of texts that are stored.</summary>
    /// <inheritdoc cref="ITextEncoder.Encode"/>
    public IReadOnlyList<float[]> Encode(IReadOnlyList<Prompt> prompts, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        var states = new Dictionary<string, float[]>(StringComparer.Ordinal);
        string[] names = [.. prompts.Select(prompt => _tensors.GetValueOrDefault(prompt) ?? throw Missing(prompt))];
        foreach (string name in names.Distinct())
        {
            cancel.ThrowIfCancellationRequested();
            float[] values = _file.ReadSingles(name);
            if (ValueTally.CountNotFinite(values) > 0) throw Error($"tensor {Quote.Text(name)} holds a value that is infinite or no number");
            states.Add(name, values);
        }
        return [.. names.Select(name => states[name])];
    }

    /// <summary>Requires that the states of all of some texts are stored, without reading them.</summary>
    /// <param name="prompts">The texts.</param>
    /// <exception cref="DataException">One is not; the message names the first.</exception>
    public void Require(IEnumerable<Prompt> prompts)
    {
        foreach (var prompt in prompts)
        {
            if (!_tensors.ContainsKey(prompt)) throw Missing(prompt);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static string Within(int first, int count, int all) => count == all ? "" : $"text{(count == 1 ? "" : $"s {first + 1} to")} {first + count} of {all}: ";

    private static string NameOf(int index) => string.Create(CultureInfo.InvariantCulture, $"text.{index}");

    private static string Texts(IReadOnlyList<EmbeddingEntry> entries, Dictionary<Prompt, int> places) => JsonSerializer.Serialize(entries.Select(entry =>
    {
        var said = new Dictionary<string, object>();
        if (entry.Id is not null) said["id"] = entry.Id;
        said["prompt"] = entry.Prompt.Words;
        said["negative"] = entry.Prompt.Negative;
        said["tensor"] = NameOf(places[entry.Prompt]);
        return said;
    }), s_json);

    private static void RequireFinite(string path, Prompt[] prompts, IReadOnlyList<float[]> states)
    {
        for (int i = 0; i < prompts.Length; i++)
        {
            if (ValueTally.CountNotFinite(states[i]) > 0) throw new NotFiniteException($"{path}: is not written: the states of {Quote.Text(prompts[i].Words)} hold a value that is infinite or no number");
        }
    }

    private void ReadTexts()
    {
        using var json = JsonDocument.Parse(_file.Metadata.GetValueOrDefault(TextsKey) ?? throw Error($"its metadata {TextsKey} is absent; a list of texts was expected"));
        if (json.RootElement.ValueKind != JsonValueKind.Array) throw Error($"its metadata {TextsKey} is no list");
        foreach (var (index, entry) in json.RootElement.EnumerateArray().Index())
        {
            string at = $"entry {index} of its metadata {TextsKey}";
            if (entry.ValueKind != JsonValueKind.Object || Text(entry, "prompt") is not { } words || Text(entry, "tensor") is not { } name
                || !entry.TryGetProperty("negative", out var negative) || negative.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
                throw Error($"{at} is {Quote.Text(entry.GetRawText())}; an object with texts under prompt and tensor, and true or false under negative, was expected");
            var tensor = _file[name];
            if (!tensor.Shape.SequenceEqual([Tokens, Width])) throw Error($"tensor {Quote.Text(name)} has the shape [{string.Join(", ", tensor.Shape)}]; [{Tokens}, {Width}] was expected");
            if (!tensor.Type.IsFloat) throw Error($"tensor {Quote.Text(name)} is stored as {tensor.TypeName}; F32 or BF16 was expected");
            var prompt = new Prompt(words, negative.GetBoolean());
            if (!_tensors.TryAdd(prompt, name) && _tensors[prompt] != name) throw Error($"{at}, {Quote.Text(words)}, has the tensor {Quote.Text(name)}, and another entry of the same text {Quote.Text(_tensors[prompt])}");
            _entries.Add(new(Text(entry, "id"), prompt));
        }
        if (_entries.Count == 0) throw Error("holds no texts");
    }

    private static string? Text(JsonElement entry, string key) => entry.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private int Number(string key, int most) => int.TryParse(_file.Metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= most
        ? number : throw Error($"its metadata {key} is {Said(key)}; a whole number from 1 to {most} was expected");

    private string Said(string key) => _file.Metadata.TryGetValue(key, out string? said) ? Quote.Text(said) : "absent";

    private DataException Missing(Prompt prompt)
    {
        string kind = prompt.Negative ? prompt.Words.Length == 0 ? "unconditional side" : $"negative prompt {Quote.Text(prompt.Words)}" : $"prompt {Quote.Text(prompt.Words)}";
        return new($"{_file.Source}: holds no states of the {kind}, but those of {_tensors.Count} other text{(_tensors.Count == 1 ? "" : "s")}; encode makes a file of those that are wanted");
    }

    private FileFormatException Error(string problem) => new($"{_file.Source}: {problem}");
}
