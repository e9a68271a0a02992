using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Models;

public sealed partial record ModelConfig
{
    /// <summary>The configuration as JSON in the authors' constructor arguments (SPEC §10), plus in_channels, and pixel_level where it is not the paper's; stored in a checkpoint's metadata under "config".</summary>
    public string ToJson()
    {
        var fields = new Dictionary<string, object>
        {
            ["in_channels"] = Channels,
            ["num_groups"] = Heads,
            ["hidden_size"] = Hidden,
            ["pixel_hidden_size"] = PixelHidden,
            ["patch_depth"] = PatchDepth,
            ["pixel_depth"] = PixelDepth,
            ["patch_size"] = Patch,
            ["use_pixel_abs_pos"] = true,
            ["pit_adaln_post_modulation"] = PostModulation
        };
        if (IsText)
        {
            fields["txt_embed_dim"] = TextWidth;
            fields["txt_max_length"] = TextTokens;
            fields["use_text_rope"] = TextRope;
            fields["text_rope_theta"] = TextRopeTheta;
        }
        else fields["num_classes"] = Classes;
        if (PixelLevel != PixelLevelKind.Full) fields["pixel_level"] = PixelLevel.Name;
        if (PixelAttention > 0) fields["pixel_attn_hidden_size"] = PixelAttention;
        if (PixelHeads > 0) fields["pixel_num_groups"] = PixelHeads;
        return JsonSerializer.Serialize(fields);
    }

    /// <summary>Reads the authors' constructor arguments (SPEC §10). An absent optional key has its default; an unknown key is an error.</summary>
    /// <param name="json">The text of a JSON object.</param>
    /// <param name="source">The file or argument the text comes from, for messages.</param>
    /// <exception cref="ConfigurationException">The text is not such an object, or describes a model this program cannot build.</exception>
    public static ModelConfig FromJson(string json, string source)
    {
        var (config, hasPositions, problem) = Parse(json);
        if (problem is not null) throw new ConfigurationException($"{source}: config {problem}");
        return hasPositions ? config! : throw WithoutPositions(source);
    }

    /// <summary>A model that draws other pictures than its shapes say.</summary>
    internal static ConfigurationException WithoutPositions(string source)
        => new($"{source}: config use_pixel_abs_pos is false; this program builds models with the position embedding only");

    /// <summary>Reads what may be the authors' constructor arguments, or another program's notes.</summary>
    /// <returns>The sizes, validated, or null; whether pixels have a position embedding; and, where the text is no config of this kind, what is wrong with it.</returns>
    internal static (ModelConfig? Config, bool HasPositions, string? Problem) Parse(string json)
    {
        if (Fields(json) is not { } fields) return (null, true, "is no JSON object");
        string? problem = null;
        int Size(string key, int? absent = null)
        {
            if (!fields.Remove(key, out var value) || (value.ValueKind == JsonValueKind.Null && absent is not null))
            {
                if (absent is null) problem ??= $"lacks {key}";
                return absent ?? 0;
            }
            if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)) return number;
            problem ??= $"{key} is {Quote.Text(value.GetRawText())}; a whole number was expected";
            return 0;
        }
        double Number(string key, double absent)
        {
            if (!fields.Remove(key, out var value) || value.ValueKind == JsonValueKind.Null) return absent;
            if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number)) return number;
            problem ??= $"{key} is {Quote.Text(value.GetRawText())}; a number was expected";
            return absent;
        }
        bool Flag(string key, bool absent)
        {
            if (!fields.Remove(key, out var value)) return absent;
            if (value.ValueKind is JsonValueKind.True or JsonValueKind.False) return value.GetBoolean();
            problem ??= $"{key} is {Quote.Text(value.GetRawText())}; true or false was expected";
            return absent;
        }

        PixelLevelKind Level(string key)
        {
            if (!fields.Remove(key, out var value)) return PixelLevelKind.Full;
            if (value.ValueKind == JsonValueKind.String && PixelLevelNames.Find(value.GetString()!) is { } kind) return kind;
            problem ??= $"{key} is {Quote.Text(value.GetRawText())}; one of {string.Join(", ", PixelLevelNames.All)} was expected";
            return PixelLevelKind.Full;
        }

        bool hasPositions = Flag("use_pixel_abs_pos", true);
        var config = new ModelConfig
        {
            Channels = Size("in_channels", 3),
            Heads = Size("num_groups"),
            Hidden = Size("hidden_size"),
            PixelHidden = Size("pixel_hidden_size"),
            PatchDepth = Size("patch_depth"),
            PixelDepth = Size("pixel_depth"),
            Patch = Size("patch_size"),
            Classes = fields.ContainsKey("txt_embed_dim") ? Size("num_classes", 0) : Size("num_classes"),
            TextWidth = Size("txt_embed_dim", 0),
            TextTokens = Size("txt_max_length", 0),
            TextRope = Flag("use_text_rope", true),
            TextRopeTheta = Number("text_rope_theta", 10000),
            PixelAttention = Size("pixel_attn_hidden_size", 0),
            PixelHeads = Size("pixel_num_groups", 0),
            PostModulation = Flag("pit_adaln_post_modulation", false),
            PixelLevel = Level("pixel_level")
        };
        if (problem is not null) return (null, hasPositions, problem);
        try
        {
            config.Validate();
        }
        catch (ConfigurationException error)
        {
            return (null, hasPositions, $"describes no model: {error.Message}");
        }
        return (config, hasPositions, fields.Count > 0 ? $"has {Quote.Text(string.Join(", ", fields.Keys))}, which no model of this kind knows" : null);
    }

    private static Dictionary<string, JsonElement>? Fields(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
