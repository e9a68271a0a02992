using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Training;

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

    private const string TrainingKey = "training";

    /// <summary>Writes the averaged weights.</summary>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    public static void SaveModel(string path, PixelDiTModel model, Optimizer optimizer, int resolution, IReadOnlyList<string> classNames)
        => Write(path, model.Parameters, [("", optimizer.Average)], new ModelInfo(model.Config, optimizer.Steps, resolution, classNames).Metadata());

    /// <summary>Writes everything a resumed run needs.</summary>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    public static void SaveState(string path, Trainer trainer)
        => Write(path, trainer.Model.Parameters, Parts(trainer), new Dictionary<string, string>
        {
            [ModelInfo.ConfigKey] = trainer.Model.Config.ToJson(),
            [ModelInfo.StepKey] = trainer.Optimizer.Steps.ToString(CultureInfo.InvariantCulture),
            [TrainingKey] = Fingerprint(trainer)
        });

    /// <summary>Restores a trainer to where <see cref="SaveState"/> found it.</summary>
    /// <exception cref="FileFormatException">The file is damaged, or of another model or other settings.</exception>
    public static void LoadState(string path, Trainer trainer)
    {
        using var file = SafetensorsReader.Open(path);
        Expect(file, ModelInfo.ConfigKey, trainer.Model.Config.ToJson());
        Expect(file, TrainingKey, Fingerprint(trainer));
        long step = ModelInfo.Number(file, ModelInfo.StepKey);
        foreach (var (prefix, tensor) in Parts(trainer)) Read(file, prefix, trainer.Model.Parameters, tensor);
        trainer.Optimizer.Steps = step;
        trainer.Model.Parameters.MarkChanged();
    }

    /// <summary>Builds a model and loads its weights, a tensor at a time, from a file of any format that <see cref="WeightFile"/> opens.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where the model shall live.</param>
    /// <param name="choice">Which of two sets of weights to take.</param>
    /// <exception cref="FileFormatException">The file is damaged, or a tensor is missing, unexpected or of another shape.</exception>
    /// <exception cref="ConfigurationException">Its config describes a model this program cannot build.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public static (PixelDiTModel Model, ModelInfo Info) LoadModel(string path, Device device, WeightChoice choice = WeightChoice.Ema)
    {
        using var file = StoredModel.Open(path, choice);
        var model = new PixelDiTModel(file.Info.Config, device);
        try
        {
            foreach (var parameter in model.Parameters.All)
            {
                float[] values = new float[parameter.Shape.Count];
                file.ReadSingles(parameter.Name, 0, values);
                parameter.Value.Upload(values);
            }
            model.Parameters.MarkChanged();
            return (model, file.Info);
        }
        catch
        {
            model.Dispose();
            throw;
        }
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
            ["precision"] = config.Precision.Name,
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
}
