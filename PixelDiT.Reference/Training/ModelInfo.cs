using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Training;

/// <summary>What a model file says of itself beside its tensors.</summary>
/// <param name="Config">The model's sizes.</param>
/// <param name="Step">Training steps behind the weights; 0 where the file does not say.</param>
/// <param name="Resolution">The side of the images it was trained on; 0 where the file does not say.</param>
/// <param name="ClassNames">A name for each class; empty where the file does not say.</param>
public sealed record ModelInfo(ModelConfig Config, long Step, int Resolution, IReadOnlyList<string> ClassNames)
{
    internal const string ConfigKey = "config", StepKey = "step";
    private const string ResolutionKey = "resolution", ClassesKey = "class_names", LightningStepKey = "global_step";

    /// <summary>Reads what a file says of its model, and infers the sizes from its tensors where it does not say them.</summary>
    /// <param name="file">A safetensors or PyTorch file.</param>
    /// <param name="weights">The model's tensors in it.</param>
    /// <exception cref="FileFormatException">The tensors are of no class-conditional model, or its metadata is damaged.</exception>
    /// <exception cref="ConfigurationException">Its config describes a model this program cannot build.</exception>
    public static ModelInfo Read(IWeightFile file, WeightMap weights)
    {
        IReadOnlyList<string> names = [];
        if (file.Metadata.TryGetValue(ClassesKey, out string? classes))
        {
            try
            {
                names = JsonSerializer.Deserialize<string[]>(classes) ?? [];
            }
            catch (JsonException)
            {
                throw new FileFormatException($"{file.Source}: metadata {ClassesKey} is {Quote.Text(classes)}; a JSON list of names was expected");
            }
        }
        string? step = ((string[])[StepKey, LightningStepKey]).FirstOrDefault(file.Metadata.ContainsKey);
        return new ModelInfo(
            SaysConfig(file) ? ModelConfig.FromJson(file.Metadata[ConfigKey], file.Source) : ConfigInference.Infer(weights.Shapes, file.Source),
            step is null ? 0 : Number(file, step),
            file.Metadata.ContainsKey(ResolutionKey) ? (int)Math.Min(Number(file, ResolutionKey), int.MaxValue) : 0, names);
    }

    /// <summary>Whether a file says its model's sizes. What PyTorch files hold under that name follows no common form, so theirs are inferred.</summary>
    public static bool SaysConfig(IWeightFile file) => file is SafetensorsReader && file.Metadata.ContainsKey(ConfigKey);

    /// <summary>The metadata of a model file, without what is not known.</summary>
    internal Dictionary<string, string> Metadata()
    {
        var metadata = new Dictionary<string, string> { ["format"] = "pt", [ConfigKey] = Config.ToJson() };
        if (Step > 0) metadata[StepKey] = Step.ToString(CultureInfo.InvariantCulture);
        if (Resolution > 0) metadata[ResolutionKey] = Resolution.ToString(CultureInfo.InvariantCulture);
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
