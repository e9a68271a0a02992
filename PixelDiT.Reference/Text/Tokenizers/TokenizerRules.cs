using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>What a tokenizer.json must say about the preparation of texts. Anything else would give other ids, and is refused by its name.</summary>
internal sealed class TokenizerRules(string source)
{
    private const string Space = " ", Escaped = "\u2581";

    /// <summary>Spaces become U+2581, and nothing else changes.</summary>
    public void CheckNormalizer(JsonElement? normalizer)
    {
        if (!IsReplacement(normalizer, Space, Escaped)) Refuse("normalizer", normalizer, "\"Replace\" of a space by U+2581");
    }

    /// <summary>Nothing is split: after the normalizer there are no spaces left.</summary>
    public void CheckPreTokenizer(JsonElement? preTokenizer)
    {
        if (IsNull(preTokenizer)) return;
        if (TypeOf(preTokenizer) != "Split" || !IsText(Get(Get(preTokenizer, "pattern"), "String"), Space)) Refuse("pre_tokenizer", preTokenizer, "\"Split\" at a space, or null,");
    }

    /// <summary>U+2581 becomes a space, runs of byte pieces become the text that they encode.</summary>
    public void CheckDecoder(JsonElement? decoder)
    {
        if (IsNull(decoder)) return;
        var steps = Items(Get(decoder, "decoders"));
        bool isKnown = TypeOf(decoder) == "Sequence" && steps.Count is 2 or 3 && IsReplacement(steps[0], Escaped, Space) && TypeOf(steps[1]) == "ByteFallback" && (steps.Count == 2 || TypeOf(steps[2]) == "Fuse");
        if (!isKnown) Refuse("decoder", decoder, "\"Replace\" of U+2581, \"ByteFallback\" and \"Fuse\"");
    }

    /// <summary>One token stands before the text, and none behind it; gives that token.</summary>
    public string TakeBos(JsonElement? postProcessor)
    {
        var single = Items(Get(postProcessor, "single"));
        if (TypeOf(postProcessor) != "TemplateProcessing" || single.Count != 2 || Get(Get(single[0], "SpecialToken"), "id") is not { ValueKind: JsonValueKind.String } bos || !IsText(Get(Get(single[1], "Sequence"), "id"), "A"))
        {
            Refuse("post_processor", postProcessor, "\"TemplateProcessing\" with one special token before the text");
            return "";
        }
        return bos.GetString()!;
    }

    /// <summary>A setting of the model: byte-pair encoding with byte pieces, all merges always used. Settings that name other things, such as the unknown piece, are passed over.</summary>
    public void CheckModel(string key, JsonElement setting)
    {
        string? expected = (key, setting.ValueKind) switch
        {
            ("type", _) when !IsText(setting, "BPE") => "\"BPE\"",
            ("dropout", not JsonValueKind.Null) => "null",
            ("byte_fallback", not JsonValueKind.True) => "true",
            ("ignore_merges", not JsonValueKind.False) => "false",
            ("continuing_subword_prefix" or "end_of_word_suffix", not JsonValueKind.Null) when !IsText(setting, "") => "null",
            _ => null
        };
        if (expected is null) return;
        string found = setting.ValueKind == JsonValueKind.String ? setting.GetString()! : setting.GetRawText();
        throw new FileFormatException($"{source}: model.{key} is {Quote.Text(found)}; {expected} was expected, as in Gemma-2");
    }

    private static bool IsReplacement(JsonElement? step, string what, string by)
        => TypeOf(step) == "Replace" && IsText(Get(Get(step, "pattern"), "String"), what) && IsText(Get(step, "content"), by);

    private static bool IsNull(JsonElement? value) => value is null or { ValueKind: JsonValueKind.Null };

    private static bool IsText(JsonElement? value, string text) => value is { ValueKind: JsonValueKind.String } element && element.ValueEquals(text);

    private static string? TypeOf(JsonElement? value) => Get(value, "type") is { ValueKind: JsonValueKind.String } type ? type.GetString() : null;

    private static JsonElement? Get(JsonElement? value, string key) => value is { ValueKind: JsonValueKind.Object } element && element.TryGetProperty(key, out var found) ? found : null;

    private static List<JsonElement> Items(JsonElement? value) => value is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() <= 16 ? [.. list.EnumerateArray()] : [];

    [DoesNotReturn]
    private void Refuse(string part, JsonElement? found, string expected)
        => throw new FileFormatException($"{source}: {part} is {(found is { } value ? Quote.Text(value.GetRawText()) : "absent")}; {expected} was expected, as in Gemma-2");
}
