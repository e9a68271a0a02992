using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Training;

/// <summary>What a model file says of itself beside its tensors.</summary>
/// <param name="Config">The model's sizes.</param>
/// <param name="Step">Training steps behind the weights; 0 where the file does not say.</param>
/// <param name="Size">The size of the images it was trained on; null where the file does not say, or there were several.</param>
/// <param name="ClassNames">A name for each class; empty where the file does not say.</param>
public sealed record ModelInfo(ModelConfig Config, long Step, ImageSize? Size, IReadOnlyList<string> ClassNames)
{
    internal const string ConfigKey = "config", StepKey = "step", ResolutionKey = "resolution", HeightKey = "height", WidthKey = "width", ClassesKey = "class_names", TextEncoderKey = "text_encoder", TimeShiftKey = "time_shift", LightningStepKey = "global_step";

    /// <summary>The encoder whose states a text model was trained on, by its <see cref="Text.ITextEncoder.Name"/>; null where the file does not say.</summary>
    public string? TextEncoder { get; init; }

    /// <summary>The time shift that the model was trained with; null where the file does not say, as that of a class model does not where it is 1.</summary>
    public double? TimeShift { get; init; }

    /// <summary>Whether the sizes are those of a config in the file, not only of its shapes.</summary>
    public bool SaysConfig { get; init; }

    /// <summary>What was left aside in the file and why, a line each: notes of other programs, tensors that are not the model's. Each begins with the file.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>
    /// Reads what a file says of its model. The shapes of its tensors give the sizes, and a config that agrees with them says what is missing; any other text under a known
    /// key is another program's note, which is left aside with a remark.
    /// </summary>
    /// <param name="file">A safetensors or PyTorch file.</param>
    /// <param name="weights">The model's tensors in it.</param>
    /// <exception cref="FileFormatException">The tensors are of no model, or one cannot be read.</exception>
    /// <exception cref="ConfigurationException">The model is one this program cannot build.</exception>
    internal static ModelInfo Read(IWeightFile file, WeightMap weights)
    {
        weights.RequireReadable();
        var notes = new ModelNotes(file);
        notes.RequirePositions();
        var said = notes.Config(weights.Shapes);
        var config = said ?? ConfigInference.Infer(weights.Shapes, file.Source, weights.ShownPrefix);
        if (said is null && config.IsText && notes.TurnsTextRopeOff) config = config with { TextRope = false };
        var info = new ModelInfo(config, notes.Number(StepKey, LightningStepKey), notes.Size(), notes.ClassNames(config.Classes))
        {
            SaysConfig = said is not null,
            TextEncoder = config.IsText ? notes.Line(TextEncoderKey) : null,
            TimeShift = notes.TimeShift(TimeShiftKey)
        };
        int projector = config.IsText ? file.Tensors.Count(tensor => tensor.Name.Split('.').Contains(TensorsBeside.Projector)) : 0;
        if (projector > 0) notes.Add($"left aside beside the model: {TensorsBeside.Projector}.* ({projector} {(projector == 1 ? "tensor" : "tensors")}), which only training with REPA uses");
        if (weights.Selection.Taken.Aside is { Count: > 0 } aside) notes.Add($"left aside beside the model: {WeightSet.List(aside.Select(WeightSet.Show))}");
        string[] others = [.. file.LeftInFolder.Where(HoldsModel).Select(path => Quote.Text(Path.GetFileName(path)))];
        if (others.Length > 0) notes.Add($"taken from its folder; left there: {WeightSet.List(others)}; name a file to take it");
        return info with { Remarks = notes.Remarks };
    }

    /// <summary>Whether a file holds the weights of a whole model, other than the state of a run beside its model.</summary>
    private static bool HoldsModel(string path)
    {
        if (Path.GetFileName(path) == Checkpoint.StateFile) return false;
        try
        {
            using var file = WeightFile.Open(path);
            return WeightSets.Find(file).All.Any(set => set.IsWeights);
        }
        catch (PixelDiTException)
        {
            return false;
        }
    }

    /// <summary>The metadata of a model file, without what is not known.</summary>
    internal Dictionary<string, string> Metadata()
    {
        var metadata = new Dictionary<string, string> { ["format"] = "pt", [ConfigKey] = Config.ToJson() };
        if (Step > 0) metadata[StepKey] = Step.ToString(CultureInfo.InvariantCulture);
        if (Size is { IsSquare: true } square) metadata[ResolutionKey] = square.Height.ToString(CultureInfo.InvariantCulture);
        else if (Size is { } size) (metadata[HeightKey], metadata[WidthKey]) = (size.Height.ToString(CultureInfo.InvariantCulture), size.Width.ToString(CultureInfo.InvariantCulture));
        if (TextEncoder is not null) metadata[TextEncoderKey] = TextEncoder;
        if (TimeShift is { } shift) metadata[TimeShiftKey] = shift.ToString("R", CultureInfo.InvariantCulture);
        if (ClassNames.Count > 0) metadata[ClassesKey] = JsonSerializer.Serialize(ClassNames);
        return metadata;
    }

    /// <summary>A whole number among a file's metadata.</summary>
    /// <exception cref="FileFormatException">It is absent or no whole number from 0.</exception>
    internal static long Number(IWeightFile file, string key)
        => long.TryParse(file.Metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : throw new FileFormatException($"{file.Source}: metadata {key} is {Quote.Text(file.Metadata.GetValueOrDefault(key, "absent"))}; a whole number was expected");
}
