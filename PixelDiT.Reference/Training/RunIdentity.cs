using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Training;

/// <summary>
/// What must be the same for a resumed run to go on as if it had never stopped: the model's sizes, the settings, and the data, which is known by its classes and its files and not
/// by where they lie. A training state holds it, and no path.
/// </summary>
internal static class RunIdentity
{
    private const string TrainingKey = "training", DataKey = "data", OptimizerKey = "optimizer", PartsKey = "accumulate";
    private const string None = "none";

    // The data's name, which version 1.0.0 recorded instead of its classes and files.
    private const string EarlierDataKey = "data";

    /// <summary>The identity as metadata of a training state.</summary>
    public static Dictionary<string, string> Metadata(ModelConfig sizes, TrainingConfig config, TrainingData data) => new()
    {
        [ModelInfo.ConfigKey] = sizes.ToJson(),
        [TrainingKey] = JsonSerializer.Serialize(Settings(config)),
        [DataKey] = data switch
        {
            ClassData { Source: var source } => JsonSerializer.Serialize(Record(source)),
            CaptionedData captioned => JsonSerializer.Serialize(Record(captioned)),
            _ => throw new ArgumentException($"{data.Name} is of an unknown kind", nameof(data))
        }
    };

    /// <summary>Holds a training state against a run that is to go on from it.</summary>
    /// <returns>What could not be compared, a line each.</returns>
    /// <exception cref="DataException">The data is another.</exception>
    /// <exception cref="ConfigurationException">The sizes or the settings are others; the message names each that differs.</exception>
    /// <exception cref="FileFormatException">The state does not say what it was trained with.</exception>
    public static IReadOnlyList<string> RequireSame(SafetensorsReader state, string folder, ModelConfig sizes, TrainingConfig config, TrainingData data, bool extend = false)
    {
        var settings = Parse<Dictionary<string, JsonElement>>(state, TrainingKey);
        var remarks = new List<string>();
        var sizesThen = ModelConfig.FromJson(state.Metadata.GetValueOrDefault(ModelInfo.ConfigKey, ""), state.Source);
        if (sizesThen.IsText != sizes.IsText) throw new ConfigurationException($"{folder}: holds the run of a {sizesThen.KindName} model; that of a {sizes.KindName} one was expected");
        if (data is CaptionedData captioned) RequireSameCaptions(Parse<CaptionRecord>(state, DataKey), folder, captioned);
        else if (data is ClassData { Source: var source })
        {
            DataRecord? then = null;
            if (state.Metadata.ContainsKey(DataKey)) RequireSameData(then = Parse<DataRecord>(state, DataKey), folder, source);
            else remarks.AddRange(RequireEarlierData(settings, folder, source));
            RequireSamePreparation(then?.Resize, then?.Background, folder, source.Name, source.Preparation);
        }
        string[] differences =
        [
            .. Sizes(sizes).Zip(Sizes(sizesThen), (here, there) => Difference(here.Option, here.Value, there.Value)).OfType<string>(),
            .. Differences(settings, config, extend)
        ];
        if (differences.Length > 0) throw new ConfigurationException($"{string.Join(", ", differences)} in {folder}; a resumed run keeps its settings, so leave the option out or choose another --out");
        string parts = settings.TryGetValue(PartsKey, out var recorded) ? Show(recorded) : "1";
        if (parts != Whole(config.Accumulate)) remarks.Add($"{folder}: a batch is trained in {config.Accumulate} part{(config.Accumulate == 1 ? "" : "s")} here and was in {parts}; gradients are summed in another order, so that the bits from here on are others than they would have been");
        return remarks;
    }

    /// <summary>How pictures were brought to their size, as a state says.</summary>
    public static ResizeRule ResizeOf(string statePath)
    {
        try
        {
            using var state = SafetensorsReader.Open(statePath);
            return Parse<DataRecord>(state, DataKey).Resize is { } rule ? ResizeRules.Parse(rule) : ResizeRule.Area;
        }
        catch (PixelDiTException)
        {
            // What is wrong with the state is said when it is read.
            return ResizeRule.Area;
        }
    }

    /// <summary>What a training state says of its data: the names of classes and their images, or a line about captions; nothing where version 1.0.0 wrote it.</summary>
    /// <exception cref="FileFormatException">The state cannot be read.</exception>
    public static (IReadOnlyList<string> Classes, IReadOnlyList<long> Images, string? Note) DataOf(string path)
    {
        using var state = SafetensorsReader.Open(path);
        if (!state.Metadata.ContainsKey(DataKey)) return ([], [], null);
        if (!ModelConfig.FromJson(state.Metadata.GetValueOrDefault(ModelInfo.ConfigKey, ""), state.Source).IsText)
        {
            var classes = Parse<DataRecord>(state, DataKey);
            return (classes.Classes ?? [], classes.Images ?? [], null);
        }
        var captions = Parse<CaptionRecord>(state, DataKey);
        return ([], [], string.Create(CultureInfo.InvariantCulture, $"{captions.Images:N0} images with captions, brought to {First(captions.Sizes ?? [])}; encoder {captions.Encoder}"));
    }

    private static DataRecord Record(IImageSource source)
    {
        var (resize, background) = Recorded(source.Preparation);
        return new(source.ClassNames, source.ClassCounts, source.ListingHash) { Resize = resize, Background = background };
    }

    private static CaptionRecord Record(CaptionedData data)
    {
        var (resize, background) = Recorded(data.Source.Preparation);
        return new(data.Source.Count, data.Source.ListingHash, [.. data.Source.Sizes.Select(size => $"{size.Height}x{size.Width}")], data.Encoder.Name, data.Encoder.Identity) { Resize = resize, Background = background };
    }

    /// <summary>What is recorded of a preparation: nothing of what version 1.0.0 did, whose states say nothing.</summary>
    private static (string? Resize, string? Background) Recorded(Preparation? preparation)
    {
        var (rule, background) = preparation ?? Preparation.OfVersion1;
        return (rule == Preparation.OfVersion1.Resize ? null : ResizeRules.NameOf(rule), background == Preparation.OfVersion1.Background ? null : background.ToString());
    }

    private static void RequireSamePreparation(string? resize, string? background, string folder, string name, Preparation? now)
    {
        var here = Recorded(now);
        string[] differences = [.. ((string?[])[
            Difference("resize", here.Resize ?? ResizeRules.NameOf(Preparation.OfVersion1.Resize), resize ?? ResizeRules.NameOf(Preparation.OfVersion1.Resize)),
            Difference("background", here.Background ?? $"{Preparation.OfVersion1.Background}", background ?? $"{Preparation.OfVersion1.Background}")]).OfType<string>()];
        if (differences.Length > 0) throw new ConfigurationException($"{name}: {string.Join(", ", differences)} in {folder}; a resumed run keeps its settings, so leave the option out or choose another --out");
    }

    private static void RequireSameCaptions(CaptionRecord then, string folder, CaptionedData data)
    {
        var now = Record(data);
        if (then.Images != now.Images) throw new DataException($"{data.Name}: is not the data of the run in {folder}: it has {now.Images} images, and had {then.Images}");
        if (then.Listing != now.Listing) throw new DataException($"{data.Name}: is not the data of the run in {folder}: there are as many images, but names, sizes of files or captions are others");
        if (!then.Sizes.SequenceEqual(now.Sizes, StringComparer.Ordinal)) throw new DataException($"{data.Name}: its images are brought to {First(now.Sizes)} here, and were to {First(then.Sizes)} in {folder}");
        RequireSamePreparation(then.Resize, then.Background, folder, data.Name, data.Source.Preparation);
        if (then.EncoderIdentity != now.EncoderIdentity) throw new ConfigurationException($"the encoder {now.Encoder} is not the one of the run in {folder}, {Printable.Line(then.Encoder)}: weights, tokenizer, instruction or options are others");
    }

    private static void RequireSameData(DataRecord then, string folder, IImageSource source)
    {
        RequireSameClasses(then.Classes, folder, source);
        var changed = source.ClassNames.Index().Where(named => named.Index < then.Images.Count && source.ClassCounts[named.Index] != then.Images[named.Index])
            .Select(named => $"class {Quote.Text(named.Item)} has {source.ClassCounts[named.Index]} images here and had {then.Images[named.Index]}").ToArray();
        if (changed.Length > 0) throw new DataException($"{source.Name}: is not the data of the run in {folder}: {First(changed)}");
        if (then.Listing != source.ListingHash) throw new DataException($"{source.Name}: is not the data of the run in {folder}: classes and numbers of images are the same, but names or sizes of files are not");
    }

    private static void RequireSameClasses(IReadOnlyList<string> then, string folder, IImageSource source)
    {
        if (then.SequenceEqual(source.ClassNames, StringComparer.Ordinal)) return;
        string[] added = [.. source.ClassNames.Except(then, StringComparer.Ordinal)], gone = [.. then.Except(source.ClassNames, StringComparer.Ordinal)];
        string[] how = [.. added.Length > 0 ? (string[])[$"{Names(added)} new"] : [], .. gone.Length > 0 ? (string[])[$"{Names(gone)} gone"] : [], .. added.Length + gone.Length == 0 ? (string[])["their order is another"] : []];
        throw new DataException($"{source.Name}: is not the data of the run in {folder}: its classes are {List(source.ClassNames)}, and were {List(then)} ({string.Join(", ", how)}); a label would mean something else");
    }

    /// <summary>Version 1.0.0 recorded how the data was spelled; the names of its classes stand in the model beside the state.</summary>
    private static IEnumerable<string> RequireEarlierData(Dictionary<string, JsonElement> settings, string folder, IImageSource source)
    {
        string spelled = settings.Remove(EarlierDataKey, out var name) && name.ValueKind == JsonValueKind.String ? name.GetString()! : "";
        string model = Path.Combine(folder, Checkpoint.ModelFile);
        IReadOnlyList<string> classes = [];
        if (File.Exists(model))
        {
            using var file = StoredModel.Open(model);
            classes = file.Info.ClassNames;
        }
        if (classes.Count > 0) RequireSameClasses(classes, folder, source);
        else if (spelled != source.Name) throw new DataException($"{source.Name}: the run in {folder} was trained on {Quote.Text(spelled)}, and does not say by which classes it could be known under another name");
        yield return $"{folder}: was written by version 1.0.0, which did not record the data's files; only {(classes.Count > 0 ? "the names of its classes" : "its name")} could be compared";
    }

    private static Dictionary<string, object?> Settings(TrainingConfig config) => new()
    {
        ["batch"] = config.Batch,
        ["resolution"] = config.Size.IsSquare ? config.Size.Height : config.Size.ToString(),
        ["class_drop"] = config.ConditionDrop,
        ["time_shift"] = config.TimeShift,
        ["warmup"] = config.Warmup,
        ["flip"] = config.Flip,
        [PartsKey] = config.Accumulate,
        ["freeze"] = config.Freeze.Count == 0 ? None : string.Join(' ', config.Freeze),
        ["lr-decay"] = config.Decay == LearningRateDecay.Step ? string.Create(CultureInfo.InvariantCulture, $"by {config.DecayFactor} at epochs {string.Join(' ', config.DecayEpochs)}") : None,
        ["repa"] = config.Alignment?.Recorded ?? None,
        ["seed"] = config.Seed,
        ["precision"] = config.Precision.Name,
        // A constant learning rate does not know how long the run will be.
        ["cosine_over"] = config.Decay == LearningRateDecay.Cosine ? config.Steps : null,
        [OptimizerKey] = config.Came is null ? config.Optimizer : config.Came
    };

    private static IEnumerable<string> Differences(Dictionary<string, JsonElement> then, TrainingConfig config, bool extend)
    {
        var settings = Settings(config);
        if (then.TryGetValue(OptimizerKey, out var optimizer) && (config.Came is not null) != IsCame(optimizer))
        {
            // What one optimizer has and the other has not says nothing more.
            yield return config.Came is null ? "optimizer is adamw here and came" : "optimizer is came here and adamw";
            settings.Remove(OptimizerKey);
        }
        using var now = JsonDocument.Parse(JsonSerializer.Serialize(settings));
        foreach (var (option, here, there) in Pairs(now.RootElement, then))
        {
            if (option == "cosine_over")
            {
                // Both have a cosine: where it ends may be moved by a word.
                if (!(extend && !IsNull(here) && !IsNull(there)) && Cosine(here, there) is { } cosine) yield return cosine;
            }
            // How a batch is cut changes bits and no more, and is said. A state that does not say was written when there was no such setting.
            else if (option != PartsKey && Difference(option, Show(here), !IsNull(there) ? Show(there) : option switch { "flip" => Flag(false), "freeze" or "repa" or "lr-decay" => None, _ => Show(there) }) is { } difference)
            {
                yield return difference;
            }
        }
    }

    private static bool IsCame(JsonElement optimizer) => optimizer.ValueKind == JsonValueKind.Object && optimizer.TryGetProperty(nameof(CameConfig.Beta3), out _);

    private static string? Cosine(JsonElement here, JsonElement there) => (IsNull(here), IsNull(there)) switch
    {
        (true, true) => null,
        (false, false) => Difference("steps (over which the cosine falls, and which --extend moves)", Show(here), Show(there)),
        var (constantHere, _) => $"lr-decay is {(constantHere ? "constant" : "cosine")} here and {(constantHere ? "cosine" : "constant")}"
    };

    private static IEnumerable<(string Option, JsonElement Here, JsonElement There)> Pairs(JsonElement now, IReadOnlyDictionary<string, JsonElement> then)
    {
        foreach (var field in now.EnumerateObject())
        {
            var there = then.GetValueOrDefault(field.Name);
            if (field.Value.ValueKind == JsonValueKind.Object)
            {
                var inner = there.ValueKind == JsonValueKind.Object ? there.EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value) : [];
                foreach (var pair in Pairs(field.Value, inner)) yield return pair;
            }
            else
            {
                yield return (OptionOf(field.Name), field.Value, there);
            }
        }
    }

    /// <summary>The command line's name of a recorded setting.</summary>
    private static string OptionOf(string field) => field switch
    {
        "class_drop" => "class-drop",
        "time_shift" => "time-shift",
        nameof(OptimizerConfig.LearningRate) => "lr",
        nameof(OptimizerConfig.Beta1) => "beta1",
        nameof(OptimizerConfig.Beta2) => "beta2",
        nameof(CameConfig.Beta3) => "beta3",
        nameof(CameConfig.UpdateClip) => "update-clip",
        nameof(CameConfig.Epsilon1) => "eps1",
        nameof(CameConfig.Epsilon2) => "eps2",
        nameof(OptimizerConfig.Epsilon) => "eps",
        nameof(OptimizerConfig.WeightDecay) => "weight-decay",
        nameof(OptimizerConfig.Clip) => "clip",
        nameof(OptimizerConfig.EmaDecay) => "ema",
        nameof(OptimizerConfig.EmaWarmup) => "ema-warmup",
        _ => field
    };

    private static (string Option, string Value)[] Sizes(ModelConfig sizes) =>
    [
        ("hidden", Whole(sizes.Hidden)), ("heads", Whole(sizes.Heads)), ("patch", Whole(sizes.Patch)), ("patch-depth", Whole(sizes.PatchDepth)), ("pixel-depth", Whole(sizes.PixelDepth)),
        ("pixel-hidden", Whole(sizes.PixelHidden)), ("classes", Whole(sizes.Classes)), ("channels", Whole(sizes.Channels)), ("pixel-attention", Whole(sizes.PixelAttention)),
        ("pixel-heads", Whole(sizes.PixelHeads)), ("post-modulation", Flag(sizes.PostModulation)), ("pixel-level", sizes.PixelLevel.Name),
        ("text-width", Whole(sizes.TextWidth)), ("text-tokens", Whole(sizes.TextTokens)), ("text RoPE", Flag(sizes.TextRope)), ("text RoPE's base", sizes.TextRopeTheta.ToString("R", CultureInfo.InvariantCulture))
    ];

    private static string Flag(bool value) => value ? "true" : "false";

    private static string Whole(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string? Difference(string option, string here, string there) => here == there ? null : $"{option} is {here} here and {there}";

    private static bool IsNull(JsonElement value) => value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    private static string Show(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Undefined => "unknown",
        JsonValueKind.Number when value.TryGetInt64(out _) || value.TryGetUInt64(out _) => value.GetRawText(),
        JsonValueKind.Number => value.GetDouble().ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e'),
        JsonValueKind.String => value.GetString()!,
        _ => value.GetRawText()
    };

    private static string Names(string[] names) => $"{First([.. names.Select(name => Quote.Text(name))])} {(names.Length == 1 ? "is" : "are")}";

    private static string List(IReadOnlyList<string> names) => names.Count == 0 ? "none" : First([.. names.Select(Printable.Name)]);

    private static string First(string[] entries)
    {
        const int shown = 8;
        return entries.Length <= shown ? string.Join(", ", entries) : $"{string.Join(", ", entries.Take(shown))} and {entries.Length - shown} more";
    }

    private static T Parse<T>(SafetensorsReader state, string key)
    {
        string text = state.Metadata.GetValueOrDefault(key, "");
        try
        {
            if (text.Length > 0 && JsonSerializer.Deserialize<T>(text) is { } parsed) return parsed;
        }
        catch (JsonException)
        {
            // Said below, with what was found.
        }
        throw new FileFormatException($"{state.Source}: metadata {key} is {(text.Length == 0 ? "absent" : Quote.Text(text))}; what a training state records of its run was expected");
    }

    /// <summary>What is recorded of captioned data and of the encoder.</summary>
    private sealed record CaptionRecord(long Images, string Listing, string[] Sizes, string Encoder, string EncoderIdentity)
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? Resize { get; init; }

        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? Background { get; init; }
    }

    /// <summary>What is recorded of the data.</summary>
    /// <param name="Classes">The names of the classes, in the order of the labels.</param>
    /// <param name="Images">How many images each class has.</param>
    /// <param name="Listing">The hash of all names and sizes.</param>
    private sealed record DataRecord(IReadOnlyList<string> Classes, IReadOnlyList<long> Images, string Listing)
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? Resize { get; init; }

        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? Background { get; init; }
    }
}
