using System.Globalization;
using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>
/// What the pictures of a run carry beside their pixels: <c>parameters</c>, a text as programs of the field write and read it, and <c>pixeldit</c>, a JSON object with all that decides the picture, what computed it
/// included. There is no date and no path in it, so equal runs give equal files.
/// </summary>
/// <param name="plan">The run, whose weights are known.</param>
/// <param name="device">What computes it.</param>
/// <param name="states">Of a text model the states of its texts.</param>
public sealed class PictureRecord(SamplePlan plan, Device device, TextStates? states = null)
{
    /// <summary>The keywords of the JSON object and of the text for other programs.</summary>
    public const string Keyword = "pixeldit", ParametersKeyword = "parameters";

    /// <summary>Fields that say what was drawn and what has drawn it.</summary>
    internal const string PictureKey = "picture", ColumnsKey = "columns", DrawnKey = "drawn", StatesKey = "states_sha256", ProgramKey = "program", DeviceKey = "device", VectorsKey = "vectors", CardKey = "card";

    private const int HashDigits = 10;

    /// <summary>This program and its version.</summary>
    public static string Program { get; } = $"pixeldit {typeof(PictureRecord).Assembly.GetName().Version?.ToString(3)}";

    /// <summary>The texts of a single image.</summary>
    /// <param name="k">Its number in the run.</param>
    public IReadOnlyList<PngText> OfImage(long k) => Texts(plan, k, [(PictureKey, PictureKind.Single.Name), .. SampleRecord.ImageFields(plan, k), .. StatesField(k), .. OriginFields(device)]);

    /// <summary>The texts of a sheet.</summary>
    /// <param name="kind">Any but a single image.</param>
    /// <param name="drawn">Of a run that was cut short the images that are there; null where all are.</param>
    public IReadOnlyList<PngText> OfSheet(PictureKind kind, long? drawn = null) => Texts(plan, null,
    [
        (PictureKey, kind.Name),
        .. kind == PictureKind.Grid ? [(ColumnsKey, plan.Columns)] : (IEnumerable<(string, object?)>)[],
        .. drawn is null ? [] : (IEnumerable<(string, object?)>)[(DrawnKey, drawn)],
        .. SampleRecord.RunFields(plan),
        .. StatesField(null),
        .. OriginFields(device)
    ]);

    /// <summary>The record of a picture.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="png">What the file says.</param>
    /// <returns>A JSON object; null where there is none.</returns>
    /// <exception cref="FileFormatException">There are two, or it is no JSON object.</exception>
    public static JsonElement? Find(string path, PngInfo png)
    {
        PngText[] found = [.. png.Texts.Where(text => text.Keyword == Keyword)];
        if (found.Length == 0) return null;
        if (found.Length > 1) throw new FileFormatException($"{path}: has {found.Length} records of this program; one was expected");
        try
        {
            using var document = JsonDocument.Parse(found[0].Text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var root = document.RootElement.Clone();
            RequireUnicode(root);
            return root.ValueKind == JsonValueKind.Object ? root : throw new FileFormatException($"{path}: its record is a JSON {root.ValueKind.ToString().ToLowerInvariant()}; an object was expected");
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{path}: its record is not JSON: {JsonReason.Of(error)}", error);
        }
        catch (InvalidOperationException error)
        {
            // .NET's answer to half a character.
            throw new FileFormatException($"{path}: its record is no Unicode", error);
        }
    }

    private static void RequireUnicode(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                value.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray()) RequireUnicode(item);
                break;
            case JsonValueKind.Object:
                foreach (var field in value.EnumerateObject())
                {
                    _ = field.Name;
                    RequireUnicode(field.Value);
                }
                break;
        }
    }

    /// <summary>The texts of a picture of any kind.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="k">The image; null for all.</param>
    /// <param name="fields">The record.</param>
    internal static IReadOnlyList<PngText> Texts(SamplePlan plan, long? k, IEnumerable<(string Key, object? Value)> fields) => Texts(Parameters(plan, k), fields);

    /// <summary>A text for other programs and a record; none where the record is longer than one that is read.</summary>
    internal static IReadOnlyList<PngText> Texts(string parameters, IEnumerable<(string Key, object? Value)> fields)
    {
        string record = SampleRecord.Write(fields);
        return Encoding.UTF8.GetByteCount(record) + Encoding.UTF8.GetByteCount(parameters) > PngInfo.MostTextBytes / 2 ? [] : [new(ParametersKeyword, parameters), new(Keyword, record)];
    }

    /// <summary>What has drawn a picture, on which its last bits depend: the program, the kind of device and, of a CPU, the width of its vectors.</summary>
    internal static IEnumerable<(string Key, object? Value)> OriginFields(Device device) =>
    [
        (ProgramKey, Program),
        (DeviceKey, device.Kind switch { DeviceKind.Cuda => "cuda", DeviceKind.IlgpuCpu => "ilgpu-cpu", _ => "cpu" }),
        device.Kind == DeviceKind.Cuda ? (CardKey, device.Description) : (VectorsKey, CpuVectors.Description)
    ];

    /// <summary>Whether a field says what has drawn a picture.</summary>
    internal static bool IsOrigin(string key) => key is ProgramKey or DeviceKey or VectorsKey or CardKey;

    /// <summary>Prompt, negative prompt and settings in the form of A1111 and Forge.</summary>
    /// <param name="prompts">A line each.</param>
    /// <param name="negative">What guidance leads away from; null or empty for nothing.</param>
    /// <param name="settings">Names and values, in their order.</param>
    internal static string Parameters(IEnumerable<string> prompts, string? negative, IEnumerable<(string Name, object Value)> settings)
    {
        var text = new StringBuilder();
        foreach (string prompt in prompts) text.Append(OneLine(prompt)).Append('\n');
        if (!string.IsNullOrEmpty(negative)) text.Append("Negative prompt: ").Append(OneLine(negative)).Append('\n');
        return text.AppendJoin(", ", settings.Select(setting => string.Create(CultureInfo.InvariantCulture, $"{setting.Name}: {setting.Value}"))).ToString();
    }

    /// <summary>The first digits of the weights' hash, as those programs show it.</summary>
    internal static string ShortHash(string weights) => weights[..Math.Min(HashDigits, weights.Length)];

    private static string Parameters(SamplePlan plan, long? k)
    {
        var (sampling, size) = (plan.Sampling, k is { } one ? plan.SizeOf(one) : plan.Frame);
        IEnumerable<int> rows = k is { } image ? [(int)(image / plan.PerRow)] : Enumerable.Range(0, plan.Rows);
        string?[] negatives = plan is TextPlan { IsGuided: true } texts ? [.. rows.Select(row => texts.Prompts[row].Negative).Distinct()] : [];
        return Parameters(rows.Select(plan.TitleOf), negatives is [var negative] ? negative : null,
        [
            ("Steps", sampling.Steps), ("Sampler", sampling.Sampler.Name), ("CFG scale", sampling.Guidance), ("Seed", plan.SeedOf(k ?? 0)), ("Size", $"{size.Width}x{size.Height}"), ("Time shift", sampling.TimeShift),
            ("Model hash", ShortHash(plan.Weights)), ("Version", Program)
        ]);
    }

    private IEnumerable<(string Key, object? Value)> StatesField(long? k) => states is not null && plan is TextPlan texts ? [(StatesKey, states.HashOf(texts, k))] : [];

    /// <summary>Controls could end a line or the text.</summary>
    private static string OneLine(string text) => string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));
}
