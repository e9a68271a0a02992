using System.Text.Encodings.Web;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>A run or an image of it in JSON, a field a line: what is needed to draw it again. There is no date and no path in it, so equal runs give equal files.</summary>
internal static class SampleRecord
{
    /// <summary>The prompts in the record of a run, and the field of each that names its files.</summary>
    internal const string PromptsKey = "prompts", FileKey = "file";

    /// <summary>Images of each class or prompt, and the hash of the weights.</summary>
    internal const string CountKey = "count", WeightsKey = "weights_sha256";

    private const int LongestShown = 80;

    // Class names stay readable; JSON needs no escapes beyond quotes, backslashes and controls.
    private static readonly JsonSerializerOptions s_readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A list that stands in the record with a line for each of its items.</summary>
    internal sealed record Lines(IEnumerable<object> Items);

    /// <summary>The record of a run.</summary>
    public static string Run(SamplePlan plan) => Write(RunFields(plan));

    /// <summary>The record of image k.</summary>
    public static string Image(SamplePlan plan, long k) => Write([.. ImageFields(plan, k), .. plan is TextPlan ? [(PictureRecord.ProgramKey, PictureRecord.Program)] : (IEnumerable<(string, object?)>)[]]);

    /// <summary>The fields of a run's record.</summary>
    internal static IReadOnlyList<(string Key, object? Value)> RunFields(SamplePlan plan) =>
    [
        .. Settings(plan),
        .. plan.SubjectFields,
        (CountKey, plan.PerRow),
        ("images", plan.Count),
        plan.Seeds is null ? ("seed", plan.Seed) : ("seeds", plan.Seeds),
        (WeightsKey, plan.Weights)
    ];

    /// <summary>The fields of an image's record.</summary>
    internal static IReadOnlyList<(string Key, object? Value)> ImageFields(SamplePlan plan, long k) =>
    [
        ("image", k),
        ("seed", plan.SeedOf(k)),
        .. plan.FieldsOf(k),
        .. Settings(plan),
        .. plan.OriginFields,
        (WeightsKey, plan.Weights)
    ];

    /// <summary>The files of the prompts of a run of a text model, by its record; none where it is no such record.</summary>
    internal static PromptFiles PromptsOf(string path)
    {
        try
        {
            using var found = Read(path);
            if (found.RootElement.TryGetProperty(CountKey, out var count) && count.ValueKind == JsonValueKind.Number && count.TryGetInt32(out int each) && found.RootElement.TryGetProperty(PromptsKey, out var prompts) && prompts.ValueKind == JsonValueKind.Array)
                return new PromptFiles(prompts.EnumerateArray().Select(NameOf).OfType<string>(), each);
        }
        catch (Exception error) when (error is PixelDiTException or InvalidOperationException)
        {
            // Another's file, half of one, or a text that is no Unicode: nothing is known to be of the run.
        }
        return new PromptFiles([], 1);

        static string? NameOf(JsonElement prompt) => prompt.ValueKind == JsonValueKind.Object && prompt.TryGetProperty(FileKey, out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
    }

    /// <summary>Whether a file is a record of a run or of an image.</summary>
    internal static bool IsOne(string path)
    {
        if (!File.Exists(path)) return false;
        try
        {
            using var found = Read(path);
            return found.RootElement.TryGetProperty(WeightsKey, out _);
        }
        catch (PixelDiTException)
        {
            return false;
        }
    }

    /// <summary>Checks that a record is that of a run.</summary>
    /// <param name="path">The record's file.</param>
    /// <param name="plan">The run. Where it does not know its weights yet, the record may have any.</param>
    /// <exception cref="ConfigurationException">It is of another run; the message names the first field that differs.</exception>
    /// <exception cref="FileFormatException">It cannot be read, or is no JSON object.</exception>
    public static void RequireSame(string path, SamplePlan plan)
    {
        using var found = Read(path);
        using var expected = JsonDocument.Parse(Run(plan));
        foreach (string key in expected.RootElement.EnumerateObject().Concat(found.RootElement.EnumerateObject()).Select(field => field.Name).Distinct())
        {
            bool isFound = found.RootElement.TryGetProperty(key, out var old), isExpected = expected.RootElement.TryGetProperty(key, out var now);
            if (isFound && isExpected && JsonElement.DeepEquals(old, now)) continue;
            if (key == WeightsKey && plan.Weights.Length == 0) continue;
            throw new ConfigurationException(
                $"{path}: {Quote.Text(key)} is {Show(isFound, old)}, and {Show(isExpected, now)} in this run; --overwrite replaces the run in that folder, another --out leaves it alone");
        }
    }

    private static IEnumerable<(string Key, object? Value)> Settings(SamplePlan plan) =>
    [
        ("recipe", plan.Recipe?.Name),
        ("changed", plan.Recipe is null ? null : Changed(plan, plan.Recipe)),
        ("sampler", plan.Sampling.Sampler.Name),
        ("steps", plan.Sampling.Steps),
        ("guidance", plan.Sampling.Guidance),
        ("interval", (float[])[plan.Sampling.Interval.Min, plan.Sampling.Interval.Max]),
        ("time_shift", plan.Sampling.TimeShift),
        .. plan.SettingFields,
        ("precision", plan.Precision.Name)
    ];

    /// <summary>The fields in which a run leaves its recipe.</summary>
    private static IEnumerable<string> Changed(SamplePlan plan, SamplingRecipe recipe)
    {
        var (own, given) = (plan.Sampling, recipe.Sampling);
        if (own.Sampler != given.Sampler) yield return "sampler";
        if (own.Steps != given.Steps) yield return "steps";
        if (own.Guidance != given.Guidance) yield return "guidance";
        if (own.Interval != given.Interval) yield return "interval";
        if (own.TimeShift != given.TimeShift) yield return "time_shift";
        if (plan.Sizes.Any(size => size != new ImageSize(recipe.Resolution))) yield return "resolution";
        if (plan.Seeds is not null) yield return "seeds";
        else if (plan.Seed != recipe.Seed) yield return "seed";
    }

    /// <summary>A JSON object with a field a line.</summary>
    internal static string Write(IEnumerable<(string Key, object? Value)> fields) =>
        $"{{\n{string.Join(",\n", fields.Select(field => $"  \"{field.Key}\": {(field.Value is Lines lines ? $"[\n{string.Join(",\n", lines.Items.Select(item => $"    {Text(item)}"))}\n  ]" : Text(field.Value))}"))}\n}}\n";

    private static string Text(object? value) => JsonSerializer.Serialize(value, s_readable);

    private static JsonDocument Read(string path)
    {
        using var stream = AtomicFile.OpenRead(path);
        try
        {
            var document = JsonDocument.Parse(stream, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw new FileFormatException($"{path}: is a JSON {document.RootElement.ValueKind}; the record of a run was expected");
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{path}: is not JSON: {JsonReason.Of(error)}", error);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>A value of a record for a message.</summary>
    internal static string Show(bool isThere, JsonElement value)
    {
        if (!isThere) return "absent";
        // Escaped, so that nothing in the file can steer a terminal.
        string text = JsonSerializer.Serialize(value);
        return text.Length <= LongestShown ? text : $"{text.AsSpan(0, LongestShown)}…";
    }
}
