using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Measuring;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Editing;

/// <summary>An edit in JSON: what is needed to make it again, and what it changed. There is no date and no path in it, so equal edits give equal files.</summary>
internal static class EditRecord
{
    /// <summary>The qualities at which JPEG of the untouched picture is measured.</summary>
    public static IReadOnlyList<int> Qualities { get; } = [75, 95];

    private const string MeasureKey = "measure", BaselineKey = "jpeg_of_the_source", OverallKey = "overall", OutsideKey = "outside", InsideKey = "inside";
    private const string PixelsKey = "pixels", ErrorKey = "mse", PeakKey = "psnr", SimilarityKey = "ssim", LargestKey = "largest";

    /// <summary>Writes the record of an edit.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="settings">What decides the edit.</param>
    /// <param name="measure">What it changed.</param>
    /// <param name="baselines">What JPEG changes, one for each of <see cref="Qualities"/>.</param>
    /// <exception cref="FileFormatException">It cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<(string Key, object? Value)> settings, EditMeasure measure, IReadOnlyList<EditMeasure> baselines)
        => AtomicFile.WriteText(path, JsonSettings.Write(
        [
            .. settings,
            (MeasureKey, Fields(measure)),
            (BaselineKey, Qualities.Zip(baselines).ToDictionary(entry => entry.First.ToString(CultureInfo.InvariantCulture), entry => Fields(entry.Second)))
        ]));

    /// <summary>What a picture of an edit carries beside its pixels: what decides the edit, and what has computed it.</summary>
    /// <param name="shown">What the picture shows, one of <see cref="EditOutput.Kinds"/>.</param>
    /// <param name="settings">What decides the edit.</param>
    /// <param name="device">What has computed it.</param>
    internal static IReadOnlyList<PngText> Texts(string shown, IReadOnlyList<(string Key, object? Value)> settings, Device device)
    {
        var said = settings.ToLookup(setting => setting.Key, setting => setting.Value);
        object? Of(string key) => said[key].FirstOrDefault();
        string prompt = Of("prompt") as string ?? $"class {Of("class")}", source = Of("source_prompt") as string ?? $"class {Of("source_class")}";
        string parameters = PictureRecord.Parameters([prompt], Of("negative") as string,
        [
            .. from entry in ((string Name, string Key)[])[("Steps", "steps"), ("CFG scale", "guidance"), ("Seed", "seed"), ("Time shift", "time_shift")] select (entry.Name, Of(entry.Key)!),
            ("Size", $"{Of("width")}x{Of("height")}"), ("Source", JsonSerializer.Serialize(source)), ("Model hash", PictureRecord.ShortHash((string)Of("weights_sha256")!)), ("Version", PictureRecord.Program)
        ]);
        return PictureRecord.Texts(parameters, [(PictureRecord.PictureKey, shown), .. settings, .. PictureRecord.OriginFields(device)]);
    }

    /// <summary>Writes means over edits.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="edits">How many.</param>
    /// <param name="measure">Their mean.</param>
    /// <param name="baselines">The means of JPEG.</param>
    /// <exception cref="FileFormatException">It cannot be written.</exception>
    public static void WriteMeans(string path, int edits, EditMeasure measure, IReadOnlyList<EditMeasure> baselines) => Write(path, [("edits", edits)], measure, baselines);

    /// <summary>Reads what an edit changed, if its record is that of the same settings.</summary>
    /// <param name="path">The record's file, which is there.</param>
    /// <param name="settings">What decides the edit.</param>
    /// <returns>What it changed and what JPEG does; or the first setting that differs.</returns>
    /// <exception cref="FileFormatException">It cannot be read, or is no record of an edit.</exception>
    public static (EditMeasure? Measure, IReadOnlyList<EditMeasure> Baselines, string? Difference) Read(string path, IReadOnlyList<(string Key, object? Value)> settings)
    {
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            using var found = JsonDocument.Parse(stream, new JsonDocumentOptions { AllowDuplicateProperties = false });
            using var expected = JsonDocument.Parse(JsonSettings.Write(settings));
            foreach (var field in expected.RootElement.EnumerateObject())
            {
                bool isThere = found.RootElement.TryGetProperty(field.Name, out var old);
                if (isThere && JsonElement.DeepEquals(old, field.Value)) continue;
                return (null, [], $"{Quote.Text(field.Name)} is {(isThere ? Show(old) : "absent")}, and {Show(field.Value)} in this edit");
            }
            var baselines = found.RootElement.GetProperty(BaselineKey);
            return (Measure(found.RootElement.GetProperty(MeasureKey)), [.. Qualities.Select(quality => Measure(baselines.GetProperty(quality.ToString(CultureInfo.InvariantCulture))))], null);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new FileFormatException($"{path}: is no record of an edit", error);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    private static Dictionary<string, object?> Fields(EditMeasure measure) => new() { [OverallKey] = Fields(measure.Overall), [OutsideKey] = Fields(measure.Outside), [InsideKey] = Fields(measure.Inside) };

    // No PSNR is that of equal pixels, where it is infinite.
    private static Dictionary<string, object?>? Fields(PictureDifference? part) => part is null ? null : new()
    {
        [PixelsKey] = part.Pixels,
        [ErrorKey] = part.MeanSquaredError,
        [PeakKey] = part.PeakSignalToNoise,
        [SimilarityKey] = part.Similarity,
        [LargestKey] = part.Largest
    };

    private static EditMeasure Measure(JsonElement json) => new(Part(json.GetProperty(OverallKey))!, Part(json.GetProperty(OutsideKey)), Part(json.GetProperty(InsideKey)));

    private static PictureDifference? Part(JsonElement json) => json.ValueKind == JsonValueKind.Null ? null : new(
        json.GetProperty(PixelsKey).GetInt64(), json.GetProperty(ErrorKey).GetDouble(), json.GetProperty(SimilarityKey) is { ValueKind: JsonValueKind.Number } similarity ? similarity.GetDouble() : null, json.GetProperty(LargestKey).GetInt32());

    private static string Show(JsonElement value)
    {
        const int longest = 80;
        // Escaped, so that nothing in the file can steer a terminal.
        string text = JsonSerializer.Serialize(value);
        return text.Length <= longest ? text : $"{text.AsSpan(0, longest)}…";
    }
}
