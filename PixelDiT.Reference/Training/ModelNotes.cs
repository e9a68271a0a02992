using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Training;

/// <summary>The texts beside a file's tensors, which may be this program's or any other's: what does not read as expected is no note, and gets a remark.</summary>
/// <param name="file">The file.</param>
internal sealed partial class ModelNotes(IWeightFile file)
{
    // What follows the name of a setting that is off.
    private const string Off = """["'\s\\]*[:=,]?["'\s\\]*(false|0|no|off|none|null)([^.\w]|$)""";

    private readonly List<string> _remarks = [];

    /// <summary>What was left aside, a line each.</summary>
    public IReadOnlyList<string> Remarks => _remarks;

    /// <summary>Adds a remark about the file.</summary>
    public void Add(string remark) => _remarks.Add($"{file.Source}: {remark}");

    /// <summary>The first of several notes that is a whole number; 0 where there is none.</summary>
    public long Number(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (!file.Metadata.TryGetValue(key, out string? text)) continue;
            if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)) return number;
            LeaveAside(key, text, "which is no whole number");
        }
        return 0;
    }

    /// <summary>
    /// Refuses a model that some form of settings says is without its position embedding, which no shape shows: a dict of a PyTorch file, YAML, Python, a command line. A config of this
    /// program's kind is read by <see cref="Config"/>.
    /// </summary>
    /// <exception cref="ConfigurationException">The model is one this program cannot build.</exception>
    public void RequirePositions()
    {
        foreach (var (key, text) in file.Metadata)
        {
            if ((key != ModelInfo.ConfigKey || ModelConfig.Parse(text).Config is null) && WithoutPositions().IsMatch($"{key}: {text}")) throw ModelConfig.WithoutPositions(file.Source);
        }
    }

    /// <summary>Whether some form of settings says that a text's queries and keys are not turned, which no shape shows.</summary>
    public bool TurnsTextRopeOff => file.Metadata.Any(note => WithoutTextRope().IsMatch($"{note.Key}: {note.Value}"));

    [GeneratedRegex("""(^|\W)use_pixel_abs_pos""" + Off, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex WithoutPositions();

    [GeneratedRegex("""(^|\W)use_text_rope""" + Off, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex WithoutTextRope();

    /// <summary>The size of images in pixels; null where no note could be one.</summary>
    public ImageSize? Size()
    {
        int side = Side(ModelInfo.ResolutionKey);
        if (side > 0) return side;
        var (height, width) = (Side(ModelInfo.HeightKey), Side(ModelInfo.WidthKey));
        return height > 0 && width > 0 ? new(height, width) : null;
    }

    private int Side(string key)
    {
        const int largest = 1 << 16;
        long side = Number(key);
        if (side <= largest) return (int)side;
        LeaveAside(key, file.Metadata[key], "which is no side of an image");
        return 0;
    }

    /// <summary>A note that is a short line of text; null where there is none.</summary>
    public string? Line(string key)
    {
        const int longest = 200;
        if (!file.Metadata.TryGetValue(key, out string? text)) return null;
        if (text.Length is > 0 and <= longest && !text.Any(char.IsControl)) return text;
        LeaveAside(key, text, "which is no name");
        return null;
    }

    /// <summary>A note that is a time shift; null where there is none.</summary>
    public double? TimeShift(string key)
    {
        if (!file.Metadata.TryGetValue(key, out string? text)) return null;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double shift) && shift is >= 0.01 and <= 100) return shift;
        LeaveAside(key, text, "which is no time shift from 0.01 to 100");
        return null;
    }

    /// <summary>A name for each class; empty where the file does not give them.</summary>
    public IReadOnlyList<string> ClassNames(int classes)
    {
        if (!file.Metadata.TryGetValue(ModelInfo.ClassesKey, out string? text)) return [];
        string?[]? names = null;
        try
        {
            names = JsonSerializer.Deserialize<string?[]>(text);
        }
        catch (JsonException)
        {
            // Said below, together with lists that hold something else than names.
        }
        if (names is null || names.Contains(null)) LeaveAside(ModelInfo.ClassesKey, text, "which is no JSON list of names");
        else if (names.Length > 0 && names.Length != classes) LeaveAside(ModelInfo.ClassesKey, text, $"which names {names.Length} of {classes} classes");
        else return [.. names.OfType<string>()];
        return [];
    }

    /// <summary>The config, where it is one of a model that the shapes do not contradict; else null.</summary>
    /// <param name="shapes">The shapes of the set that was taken, under released names.</param>
    /// <exception cref="ConfigurationException">It is of the model, and says that it is one this program cannot build.</exception>
    public ModelConfig? Config(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes)
    {
        if (!file.Metadata.TryGetValue(ModelInfo.ConfigKey, out string? text)) return null;
        var (config, hasPositions, problem) = ModelConfig.Parse(text);
        string? contradiction = config is null ? null : Contradiction(ModelCost.Shapes(config), shapes);
        if (!hasPositions && contradiction is null) throw ModelConfig.WithoutPositions(file.Source);
        if (problem is null && contradiction is null) return config;
        Add($"note {ModelInfo.ConfigKey} is {Quote.Text(text)} ({problem ?? contradiction}); left aside, the sizes are read from the shapes");
        return null;
    }

    private static string? Contradiction(IReadOnlyDictionary<string, IReadOnlyList<long>> said, IReadOnlyDictionary<string, IReadOnlyList<long>> found)
    {
        // A tensor that no config of these keys describes says nothing for or against one.
        foreach (var (name, shape) in found)
        {
            if (said.TryGetValue(name, out var expected) ? !shape.SequenceEqual(expected) : name.Contains("_blocks.", StringComparison.Ordinal))
                return expected is null ? $"has no {name}" : $"gives {name} the shape [{string.Join(", ", expected)}], where the file has [{string.Join(", ", shape)}]";
        }
        return null;
    }

    private void LeaveAside(string key, string text, string why) => Add($"note {key} is {Quote.Text(text)}, {why}; left aside");
}
