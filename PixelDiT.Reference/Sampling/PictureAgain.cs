using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>A picture of a sampling run that is to be drawn again by what it says of itself.</summary>
public sealed class PictureAgain
{
    private const int MostImages = 1_000_000, MostLabel = 1_000_000;

    private readonly string _path;
    private readonly JsonElement _record;

    private PictureAgain(string path, PngInfo png, JsonElement record)
    {
        (_path, Png, _record) = (path, png, record);
        var fields = new RecordFields($"{path}: its record", record);
        string name = fields.Text(PictureRecord.PictureKey);
        if (!PictureKindNames.All.TryGetValue(name, out var kind)) throw fields.Wrong(PictureRecord.PictureKey, $"one of {string.Join(", ", PictureKindNames.All.Keys)}");
        Kind = kind;
        if (fields.Has(PictureRecord.DrawnKey)) throw new FileFormatException($"{path}: shows the {fields.Whole(PictureRecord.DrawnKey, 0, MostImages)} images that were there when its run was stopped; a picture of a whole run was expected");
        (bool isText, bool isSingle) = (fields.Has("prompt") || fields.Has(SampleRecord.PromptsKey), kind == PictureKind.Single);
        SamplePlan plan = isText ? Texts(fields, isSingle) : Classes(fields, isSingle);
        plan = plan with { Sampling = SamplingOf(fields, isText), Precision = PrecisionOf(fields), Weights = fields.Hash(SampleRecord.WeightsKey) };
        if (isSingle) fields.Whole("image", 0, int.MaxValue);
        else
        {
            if (fields.Number("images") != plan.Count) throw fields.Wrong("images", $"{plan.Count}");
            plan = Seeds(fields, plan);
        }
        if (kind == PictureKind.Grid)
        {
            int columns = fields.Whole(PictureRecord.ColumnsKey, 1, MostImages);
            if (plan is TextPlan { PerRow: 1 } texts) plan = texts with { SheetColumns = columns };
            else if (columns != plan.Columns) throw fields.Wrong(PictureRecord.ColumnsKey, $"{plan.Columns}");
        }
        fields.Pass("recipe", "changed", PictureRecord.ProgramKey, PictureRecord.DeviceKey, PictureRecord.VectorsKey, PictureRecord.CardKey);
        fields.RequireNoOther();
        Plan = plan;
    }

    /// <summary>What the file says.</summary>
    public PngInfo Png { get; }

    /// <summary>What it shows.</summary>
    public PictureKind Kind { get; }

    /// <summary>The run: of a single picture one of that image alone.</summary>
    public SamplePlan Plan { get; private set; }

    /// <summary>The hash of the states of its texts, of a text model.</summary>
    public string? States { get; private set; }

    /// <summary>Reads what a picture says of itself; its pixels are not decoded.</summary>
    /// <param name="path">A PNG.</param>
    /// <exception cref="FileFormatException">It cannot be read, is damaged, has no record, or one that says not all or something that this version does not know.</exception>
    /// <exception cref="ConfigurationException">A setting is out of its range.</exception>
    public static PictureAgain Read(string path)
    {
        var png = PngInfo.Read(path);
        var record = PictureRecord.Find(path, png) ?? throw new FileFormatException($"{path}: has no record of how it was drawn ({PictureRecord.Keyword}); a picture that sample, train or demo has written, without --no-metadata, was expected");
        return new(path, png, record);
    }

    /// <summary>Checks that a model can draw it, and takes over what only the model knows.</summary>
    /// <param name="source">How messages call the model.</param>
    /// <param name="config">Its sizes.</param>
    /// <param name="weights">The hash of its weights.</param>
    /// <exception cref="ConfigurationException">The weights are others, or the record says what the model does not have.</exception>
    public void Require(string source, ModelConfig config, string weights)
    {
        bool isText = Plan is TextPlan;
        if (config.IsText != isText) throw new ConfigurationException($"{_path}: was drawn by a {ModelConfig.NameOfKind(isText)} model; {source} holds a {config.KindName} one");
        if (weights != Plan.Weights) throw new ConfigurationException($"{_path}: was drawn with weights whose SHA-256 begins with {PictureRecord.ShortHash(Plan.Weights)}; that of {source} begins with {PictureRecord.ShortHash(weights)} (info --hash prints it), and --weights takes another set of a file");
        if (Plan is ClassPlan classes)
        {
            if (classes.Classes.FirstOrDefault(label => label > config.NullClass) is > 0 and var label) throw new ConfigurationException($"{_path}: its record has a class {label}; {source} has classes 0 to {config.Classes - 1}");
            Plan = classes with { NullClass = config.NullClass };
        }
        foreach (var size in Plan.Sizes)
        {
            if (size.Height % config.Patch != 0 || size.Width % config.Patch != 0) throw new ConfigurationException($"{_path}: its record has images of {size}; {source} draws multiples of {config.Patch}");
        }
        if (Kind == PictureKind.Grid && !SampleSheet.Fits(Plan, config.Channels)) throw new ConfigurationException($"{_path}: its record has {Plan.Count} images of {Plan.Frame}; a sheet holds {SampleSheet.Capacity(Plan, config.Channels)}");
    }

    /// <summary>Draws it.</summary>
    /// <param name="drawing">The model and <see cref="Plan"/>.</param>
    /// <param name="batch">Images at a time; at least 1.</param>
    /// <param name="report">Told of every step.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <returns>A PNG, with the record of the picture that was read; program and device are those of now.</returns>
    /// <inheritdoc cref="SampleDrawing.Draw" path="/exception"/>
    public byte[] Draw(SampleDrawing drawing, int batch, Action<SampleReport>? report = null, CancellationToken cancel = default)
    {
        var plan = drawing.Plan;
        var sheet = new SampleSheet(plan, drawing.Model.Config.Channels, Kind == PictureKind.Animation);
        // A film has the first image of each row.
        long[][] batches = [.. plan.Batches(0, batch).Select(images => Kind is PictureKind.Film or PictureKind.Animation ? [.. images.Where(k => k % plan.PerRow == 0)] : images).Where(images => images.Length > 0)];
        long done = 0, total = batches.Sum(images => images.LongLength);
        Picture? last = null;
        foreach (long[] images in batches)
        {
            var pictures = drawing.Draw(images, (step, state) =>
            {
                sheet.Observe(images, step, state);
                report?.Invoke(new SampleReport(done + (step == plan.Sampling.Steps ? images.Length : 0), done + (images.Length * ((double)step / plan.Sampling.Steps)), total));
            }, cancel);
            if (Kind == PictureKind.Grid) sheet.Add(images, pictures);
            last = pictures[^1];
            done += images.Length;
        }
        var texts = PictureRecord.Texts(plan, Kind == PictureKind.Single ? 0 : null, Fields(drawing.Model.Device));
        return (Kind == PictureKind.Single ? PngWriter.ToBytes(last!, texts) : sheet.PngOf(Kind, texts)) ?? throw new ConfigurationException($"{_path}: its images of {plan.Frame} are too large for a sheet");
    }

    /// <summary>In what the program and the device of now are others than those of the picture.</summary>
    /// <returns>A sentence each; none where all are the same.</returns>
    public IReadOnlyList<string> OriginChanges(Device device)
    {
        var now = JsonSerializer.SerializeToElement(PictureRecord.OriginFields(device).ToDictionary(field => field.Key, field => field.Value));
        var changes = new List<string>();
        foreach (string key in (string[])[PictureRecord.ProgramKey, PictureRecord.DeviceKey, PictureRecord.VectorsKey, PictureRecord.CardKey])
        {
            bool wasThere = _record.TryGetProperty(key, out var was), isThere = now.TryGetProperty(key, out var found);
            if (wasThere == isThere && (!isThere || JsonElement.DeepEquals(was, found))) continue;
            changes.Add($"{key} was {SampleRecord.Show(wasThere, was)} and is {SampleRecord.Show(isThere, found)}");
        }
        return changes;
    }

    /// <summary>The fields of its record as they are, with the program and the device of now.</summary>
    private IEnumerable<(string Key, object? Value)> Fields(Device device) =>
    [
        .. _record.EnumerateObject().Where(field => !PictureRecord.IsOrigin(field.Name)).Select(field =>
            (field.Name, field.Name == SampleRecord.PromptsKey ? new SampleRecord.Lines(field.Value.EnumerateArray().Select(item => (object)item)) : (object?)field.Value)),
        .. PictureRecord.OriginFields(device)
    ];

    private ClassPlan Classes(RecordFields fields, bool isSingle)
    {
        int[] labels = isSingle ? [fields.Whole("class", 0, MostLabel)] : [.. fields.List<int>("classes", item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int label) && label is >= 0 and <= MostLabel ? label : null, "a list of classes")];
        if (labels.Length == 0) throw fields.Wrong("classes", "a list of classes");
        var said = isSingle ? (fields.TextOrNull("class_name") is { } name ? [name] : null) : fields.TextsOrNull("class_names");
        if (said is not null && said.Count != labels.Length) throw fields.Wrong("class_names", $"{labels.Length} names");
        string[] names = said is null ? [] : new string[labels.Max() + 1];
        Array.Fill(names, "");
        for (int i = 0; i < labels.Length && said is not null; i++) names[labels[i]] = said[i];
        return new ClassPlan
        {
            Size = fields.Has("resolution") ? new ImageSize(Side(fields, "resolution")) : new ImageSize(Side(fields, "height"), Side(fields, "width")),
            Classes = labels,
            ClassNames = names,
            PerRow = isSingle ? 1 : fields.Whole(SampleRecord.CountKey, 1, MostImages),
            Seed = isSingle ? fields.Seed("seed") : 0,
            Weights = ""
        };
    }

    private TextPlan Texts(RecordFields fields, bool isSingle)
    {
        States = fields.Hash(PictureRecord.StatesKey);
        PlannedPrompt[] prompts = isSingle ? [Prompt(fields, "")] : [.. fields.Objects(SampleRecord.PromptsKey).Select(prompt =>
        {
            var planned = Prompt(prompt, prompt.Text(SampleRecord.FileKey)) with { Seed = prompt.SeedOrNull("seed") };
            prompt.RequireNoOther();
            return planned;
        })];
        if (prompts.Length is 0 or > MostImages) throw fields.Wrong(SampleRecord.PromptsKey, $"1 to {MostImages} prompts");
        string type = fields.Text("time_dtype");
        return new TextPlan
        {
            Prompts = prompts,
            Encoder = fields.Text("encoder"),
            EncoderIdentity = fields.Hash("encoder_sha256"),
            RoundTime = type == TextPlan.Rounded || (type == TextPlan.Unrounded ? false : throw fields.Wrong("time_dtype", $"{TextPlan.Unrounded} or {TextPlan.Rounded}")),
            PerRow = isSingle ? 1 : fields.Whole(SampleRecord.CountKey, 1, MostImages),
            Seed = isSingle ? fields.Seed("seed") : 0,
            Weights = ""
        };
    }

    private static PlannedPrompt Prompt(RecordFields fields, string name) => new(fields.Text("prompt"), fields.TextOrNull("negative") ?? "", new ImageSize(Side(fields, "height"), Side(fields, "width")), name);

    private static int Side(RecordFields fields, string key) => fields.Whole(key, 1, ImageSize.LargestSide);

    private SamplingConfig SamplingOf(RecordFields fields, bool isText)
    {
        var interval = fields.List<float>("interval", item => item.ValueKind == JsonValueKind.Number && item.TryGetSingle(out float bound) ? bound : null, "two numbers");
        if (interval.Count != 2) throw fields.Wrong("interval", "two numbers");
        return Named(() => new SamplingConfig
        {
            Sampler = Sampler.Parse(fields.Text("sampler")),
            Steps = fields.Whole("steps", 1, SamplingConfig.MaxSteps),
            Guidance = fields.Number("guidance"),
            Interval = (interval[0], interval[1]),
            TimeShift = (float)fields.Number("time_shift")
        }.ValidateFor(isText));
    }

    private Kernels.Machine.Precision PrecisionOf(RecordFields fields) => Named(() => PrecisionNames.Parse(fields.Text("precision")));

    private static SamplePlan Seeds(RecordFields fields, SamplePlan plan)
    {
        if (!fields.Has("seeds")) return plan with { Seed = fields.Seed("seed") };
        var seeds = fields.List<ulong>("seeds", item => item.ValueKind == JsonValueKind.Number && item.TryGetUInt64(out ulong seed) ? seed : null, "a list of seeds");
        return seeds.Count == plan.Count ? plan with { Seeds = seeds } : throw fields.Wrong("seeds", $"{plan.Count} seeds");
    }

    private T Named<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ConfigurationException error)
        {
            throw new ConfigurationException($"{_path}: its record: {error.Message}");
        }
    }
}
