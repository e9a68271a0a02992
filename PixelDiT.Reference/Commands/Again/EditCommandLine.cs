using System.Text.Json;
using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Sampling;

namespace PixelDiT.Reference.Commands.Again;

/// <summary>The command that makes an edit, by the record of its picture.</summary>
internal static class EditCommandLine
{
    // Options of edit by the fields of its record.
    private static readonly (string Key, string Option)[] s_options =
    [
        ("image", "--image"), ("source_prompt", "--source-prompt"), ("prompt", "--prompt"), ("negative", "--negative"), ("source_class", "--source-class"), ("class", "--class"), ("fit", "--fit"), ("steps", "--steps"), ("n_max", "--n-max"),
        ("n_min", "--n-min"), ("n_avg", "--n-avg"), ("source_guidance", "--source-guidance"), ("guidance", "--guidance"), ("time_shift", "--time-shift"), ("seed", "--seed"), ("precision", "--precision")
    ];

    /// <summary>The command; null where the record is of no edit.</summary>
    public static string? Of(JsonElement record)
    {
        if (!record.TryGetProperty(PictureRecord.PictureKey, out var kind) || kind.ValueKind != JsonValueKind.String) return null;
        string shown = kind.GetString()!;
        if (shown == EditOutput.DemoSheet) return "pixeldit demo --text";
        if (!EditOutput.Kinds.Contains(shown)) return null;
        var words = new List<string> { "pixeldit edit --model FILE" };
        foreach (var (key, option) in s_options)
        {
            if (!record.TryGetProperty(key, out var value)) continue;
            string text = value.ValueKind switch { JsonValueKind.String => value.GetString()!, JsonValueKind.Number => value.GetRawText(), _ => "" };
            if (text.Length > 0) words.Add($"{option} {(key.EndsWith("class", StringComparison.Ordinal) ? $"'#{Printable.Line(text)}'" : Quoted(text))}");
        }
        if (record.TryGetProperty("mask_sha256", out var mask) && mask.ValueKind == JsonValueKind.String) words.Add("--mask FILE");
        if (record.TryGetProperty("keep_outside", out var keeps) && keeps.ValueKind == JsonValueKind.True) words.Add("--keep-outside");
        if (record.TryGetProperty("encoder", out var encoder) && encoder.ValueKind == JsonValueKind.String && encoder.GetString() is { } name) words.Add($"--encoder {(name == Text.Encoders.WordsEncoder.KindName ? name : "PATH")}");
        return string.Join(' ', words);
    }

    private static string Quoted(string text) => text[0] != '-' && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-' or '/' or ',') ? text : $"'{Printable.Line(text).Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
