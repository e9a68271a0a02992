using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Training;

/// <summary>What a model file says of itself beside its tensors.</summary>
/// <param name="Config">The model's sizes.</param>
/// <param name="Step">Training steps behind the weights; 0 where the file does not say.</param>
/// <param name="Resolution">The side of the images it was trained on; 0 where the file does not say.</param>
/// <param name="ClassNames">A name for each class; empty where the file does not say.</param>
public sealed record ModelInfo(ModelConfig Config, long Step, int Resolution, IReadOnlyList<string> ClassNames);

/// <summary>
/// Model files and training state. <c>model.safetensors</c> holds weights to sample from (the average) under their released names, with the sizes in its
/// metadata; <c>training.safetensors</c> holds what a resumed run needs: weights, moments, average and the step. Neither holds a date, so equal runs give equal files.
/// </summary>
public static class Checkpoint
{
    /// <summary>The file of weights in a run's folder.</summary>
    public const string ModelFile = "model.safetensors";

    /// <summary>The file of training state in a run's folder.</summary>
    public const string StateFile = "training.safetensors";

    private const string ConfigKey = "config", StepKey = "step", ResolutionKey = "resolution", ClassesKey = "class_names", TrainingKey = "training", LightningStepKey = "global_step";

    /// <summary>Writes the averaged weights.</summary>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    public static void SaveModel(string path, PixelDiTModel model, Optimizer optimizer, int resolution, IReadOnlyList<string> classNames)
        => Write(path, model.Parameters, [("", optimizer.Average)], new Dictionary<string, string>
        {
            ["format"] = "pt",
            [ConfigKey] = model.Config.ToJson(),
            [StepKey] = optimizer.Steps.ToString(CultureInfo.InvariantCulture),
            [ResolutionKey] = resolution.ToString(CultureInfo.InvariantCulture),
            [ClassesKey] = JsonSerializer.Serialize(classNames)
        });

    /// <summary>Writes everything a resumed run needs.</summary>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    public static void SaveState(string path, Trainer trainer)
        => Write(path, trainer.Model.Parameters, Parts(trainer), new Dictionary<string, string>
        {
            [ConfigKey] = trainer.Model.Config.ToJson(),
            [StepKey] = trainer.Optimizer.Steps.ToString(CultureInfo.InvariantCulture),
            [TrainingKey] = Fingerprint(trainer)
        });

    /// <summary>Restores a trainer to where <see cref="SaveState"/> found it.</summary>
    /// <exception cref="FileFormatException">The file is damaged, or of another model or other settings.</exception>
    public static void LoadState(string path, Trainer trainer)
    {
        using var file = SafetensorsReader.Open(path);
        Expect(file, ConfigKey, trainer.Model.Config.ToJson());
        Expect(file, TrainingKey, Fingerprint(trainer));
        long step = Number(file, StepKey);
        foreach (var (prefix, tensor) in Parts(trainer)) Read(file, prefix, trainer.Model.Parameters, tensor);
        trainer.Optimizer.Steps = step;
        trainer.Model.Parameters.MarkChanged();
    }

    /// <summary>Reads what a file says of its model, and infers the sizes from its tensors where it does not say them.</summary>
    /// <param name="file">A safetensors or PyTorch file.</param>
    /// <param name="weights">The model's tensors in it.</param>
    /// <exception cref="FileFormatException">The tensors are of no class-conditional model, or its metadata is damaged.</exception>
    /// <exception cref="ConfigurationException">Its config describes a model this program cannot build.</exception>
    public static ModelInfo ReadInfo(IWeightFile file, WeightMap weights)
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

    /// <summary>Builds a model and loads its weights, a tensor at a time, from a file of any format that <see cref="WeightFile"/> opens.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where the model shall live.</param>
    /// <param name="choice">Which of two sets of weights to take.</param>
    /// <exception cref="FileFormatException">The file is damaged, or a tensor is missing, unexpected or of another shape.</exception>
    /// <exception cref="ConfigurationException">Its config describes a model this program cannot build.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public static (PixelDiTModel Model, ModelInfo Info) LoadModel(string path, Device device, WeightChoice choice = WeightChoice.Ema)
    {
        using var file = WeightFile.Open(path);
        var weights = WeightMap.FindClassModel(file, choice);
        var info = ReadInfo(file, weights);
        CheckCount(file.Source, weights, info.Config);
        var model = new PixelDiTModel(info.Config, device);
        try
        {
            Read(file.Source, weights, model.Parameters);
            model.Parameters.MarkChanged();
            return (model, info);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Writes a file's model as safetensors under its released names, tensor by tensor, with the config and what else is known in the metadata.</summary>
    /// <param name="file">The file to read.</param>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="type">F32, BF16 or F16; narrowing rounds to nearest even.</param>
    /// <param name="choice">Which of two sets of weights to take.</param>
    /// <returns>What the file says of its model.</returns>
    /// <exception cref="FileFormatException">The file holds no class-conditional model or is damaged, or the target cannot be written.</exception>
    /// <exception cref="ConfigurationException">Its config describes a model this program cannot build.</exception>
    public static ModelInfo Convert(IWeightFile file, string path, DataType type, WeightChoice choice)
    {
        var (weights, info) = FindWhole(file, choice);
        var shapes = ModelCost.Shapes(info.Config);
        var metadata = new Dictionary<string, string> { ["format"] = "pt", [ConfigKey] = info.Config.ToJson() };
        if (info.Step > 0) metadata[StepKey] = info.Step.ToString(CultureInfo.InvariantCulture);
        if (info.Resolution > 0) metadata[ResolutionKey] = info.Resolution.ToString(CultureInfo.InvariantCulture);
        if (info.ClassNames.Count > 0) metadata[ClassesKey] = JsonSerializer.Serialize(info.ClassNames);
        SafetensorsWriter.Write(path, [.. shapes.Select(entry => new TensorSpec(entry.Key, type, entry.Value))], metadata, weights.ReadSingles);
        return info;
    }

    /// <summary>The <see cref="WeightHash"/> of a file's model, without building it.</summary>
    /// <param name="file">The file to read.</param>
    /// <param name="choice">Which of two sets of weights to take.</param>
    /// <exception cref="FileFormatException">The file holds no class-conditional model or is damaged.</exception>
    /// <exception cref="ConfigurationException">Its config describes a model this program cannot build.</exception>
    public static string Hash(IWeightFile file, WeightChoice choice)
    {
        var (weights, info) = FindWhole(file, choice);
        return WeightHash.Of(weights, info.Config);
    }

    /// <summary>A file's model, with every tensor checked by name and shape.</summary>
    private static (WeightMap Weights, ModelInfo Info) FindWhole(IWeightFile file, WeightChoice choice)
    {
        var weights = WeightMap.FindClassModel(file, choice);
        var info = ReadInfo(file, weights);
        CheckCount(file.Source, weights, info.Config);
        var shapes = ModelCost.Shapes(info.Config);
        CheckNames(file.Source, weights, shapes.Keys);
        foreach (var (name, shape) in shapes) CheckShape(file.Source, weights, name, shape);
        return (weights, info);
    }

    private static void Read(string source, WeightMap weights, ParameterSet parameters)
    {
        CheckNames(source, weights, parameters.All.Select(parameter => parameter.Name));
        foreach (var parameter in parameters.All)
        {
            CheckShape(source, weights, parameter.Name, [.. parameter.Shape.Select(size => (long)size)]);
            float[] values = new float[parameter.Shape.Count];
            weights.ReadSingles(parameter.Name, 0, values);
            parameters.SliceOf(parameters.Values!, parameter).Upload(values);
        }
    }

    /// <summary>Checks the sizes that a config claims against the file before memory is taken for them.</summary>
    private static void CheckCount(string source, WeightMap weights, ModelConfig config)
    {
        long expected = ModelCost.Parameters(config), stored = weights.Count;
        if (expected != stored) throw new FileFormatException($"{source}: holds {stored} numbers; a model of its config has {expected}");
    }

    private static void CheckNames(string source, WeightMap weights, IEnumerable<string> expected)
    {
        string[] names = [.. expected];
        if (weights.Missing(names) is [var missing, ..]) throw new FileFormatException($"{source}: tensor {weights.Prefix}{missing} is missing");
        if (weights.Unexpected(names) is [var unexpected, ..]) throw new FileFormatException($"{source}: tensor {Quote.Text(weights.Prefix + unexpected)} is not of this model");
    }

    private static void CheckShape(string source, WeightMap weights, string name, IReadOnlyList<long> expected)
    {
        var shape = weights.Shapes[name];
        if (!shape.SequenceEqual(expected)) throw new FileFormatException($"{source}: tensor {weights.Prefix}{name} has shape [{string.Join(", ", shape)}]; [{string.Join(", ", expected)}] was expected");
    }

    private static (string Prefix, Tensor Values)[] Parts(Trainer trainer) =>
    [
        ("param.", trainer.Model.Parameters.Values!), ("first.", trainer.Optimizer.First), ("second.", trainer.Optimizer.Second), ("ema.", trainer.Optimizer.Average)
    ];

    /// <summary>The settings that must be the same for a resumed run to go on as if it had never stopped. A constant learning rate does not know how long the run will be.</summary>
    private static string Fingerprint(Trainer trainer)
    {
        var config = trainer.Config;
        return JsonSerializer.Serialize(new Dictionary<string, object?>
        {
            ["data"] = trainer.DataName,
            ["batch"] = config.Batch,
            ["resolution"] = config.Resolution,
            ["class_drop"] = config.ClassDrop,
            ["time_shift"] = config.TimeShift,
            ["warmup"] = config.Warmup,
            ["seed"] = config.Seed,
            ["cosine_over"] = config.Decay == LearningRateDecay.Cosine ? config.Steps : null,
            ["optimizer"] = config.Optimizer
        });
    }

    private static void Write(string path, ParameterSet parameters, (string Prefix, Tensor Values)[] parts, Dictionary<string, string> metadata)
    {
        var places = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var specs = new List<TensorSpec>();
        foreach (var (prefix, values) in parts)
        {
            foreach (var parameter in parameters.All)
            {
                specs.Add(new TensorSpec(prefix + parameter.Name, DataType.F32, [.. parameter.Shape.Select(size => (long)size)]));
                places.Add(prefix + parameter.Name, parameters.SliceOf(values, parameter));
            }
        }
        SafetensorsWriter.Write(path, specs, metadata, (name, first, chunk) => places[name].Slice(first, [chunk.Length]).Download(chunk));
    }

    private static void Read(SafetensorsReader file, string prefix, ParameterSet parameters, Tensor target)
    {
        foreach (var parameter in parameters.All)
        {
            string name = prefix + parameter.Name;
            if (!file.Contains(name)) throw new FileFormatException($"{file.Source}: tensor {name} is missing");
            var shape = file[name].Shape;
            if (!shape.SequenceEqual(parameter.Shape.Select(size => (long)size)))
                throw new FileFormatException($"{file.Source}: tensor {name} has shape [{string.Join(", ", shape)}]; {parameter.Shape} was expected");
            parameters.SliceOf(target, parameter).Upload(file.ReadSingles(name));
        }
    }

    private static void Expect(SafetensorsReader file, string key, string expected)
    {
        string found = file.Metadata.GetValueOrDefault(key, "absent");
        if (found != expected) throw new FileFormatException($"{file.Source}: metadata {key} is {found}; to resume, {expected} was expected");
    }

    private static long Number(IWeightFile file, string key)
        => long.TryParse(file.Metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : throw new FileFormatException($"{file.Source}: metadata {key} is {Quote.Text(file.Metadata.GetValueOrDefault(key, "absent"))}; a whole number was expected");
}
