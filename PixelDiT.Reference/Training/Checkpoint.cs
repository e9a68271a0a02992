using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training.Checkpoints;

namespace PixelDiT.Reference.Training;

/// <summary>A class model in a device's memory, and what its file says of it.</summary>
/// <param name="Model">The model, which disposing this frees.</param>
/// <param name="Info">What the file says.</param>
public sealed record LoadedModel(PixelDiTModel Model, ModelInfo Info) : IDisposable
{
    /// <summary>Writes the model as it is now (<see cref="Checkpoint.SaveModel(string, PixelTransformer, ModelInfo)"/>).</summary>
    public string Save(string path) => Checkpoint.SaveModel(path, Model, Info);

    /// <summary>Frees the model's memory.</summary>
    public void Dispose() => Model.Dispose();
}

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

    /// <summary>The updates behind a state, where they are fewer than its steps.</summary>
    internal const string UpdatesKey = "updates";

    private const long HeaderBytesPerTensor = 150;

    /// <summary>Writes the weights to sample from: the averaged ones, where an average is kept.</summary>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    /// <returns>SHA-256 of the file.</returns>
    public static string SaveModel(string path, Trainer trainer, TrainingData data) => ModelOf(trainer, data).Write(path);

    /// <summary>Writes a model as it is, such as one that was loaded and changed, with what is known of it.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="model">The model; what is trained beside it for alignment is left out.</param>
    /// <param name="info">What the file shall say beside the sizes, which are the model's; null for nothing.</param>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    /// <returns>SHA-256 of the file.</returns>
    public static string SaveModel(string path, PixelTransformer model, ModelInfo? info = null)
        => Content(model.Parameters, model.Parameters.OfModel, [("", model.Parameters.Values!)], ((info ?? new ModelInfo(model.Config, 0, null, [])) with { Config = model.Config }).Metadata()).Write(path);

    /// <summary>Writes everything a resumed run needs.</summary>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    /// <returns>SHA-256 of the file.</returns>
    public static string SaveState(string path, Trainer trainer, TrainingData data) => StateOf(trainer, data).Write(path);

    /// <summary>What the file of the weights to sample from holds.</summary>
    internal static CheckpointContent ModelOf(Trainer trainer, TrainingData data)
        => Content(trainer.Model.Parameters, trainer.Model.Parameters.OfModel, [("", trainer.Weights)], data.Describe(trainer.Model.Config, trainer.Config, trainer.Optimizer.Steps).Metadata());

    /// <summary>What the file of everything a resumed run needs holds.</summary>
    internal static CheckpointContent StateOf(Trainer trainer, TrainingData data)
    {
        var metadata = RunIdentity.Metadata(trainer.Model.Config, trainer.Config, data);
        if (trainer.Optimizer is CameOptimizer came) return CameStateFile.Content(came, metadata);
        NoteSteps(metadata, trainer.Optimizer);
        return Content(trainer.Model.Parameters, trainer.Model.Parameters.All, Parts(trainer, (MomentOptimizer)trainer.Optimizer), metadata);
    }

    /// <summary>Restores a trainer to where <see cref="SaveState"/> found it.</summary>
    /// <param name="path">The state.</param>
    /// <param name="folder">The run's folder, for messages.</param>
    /// <param name="trainer">What is restored.</param>
    /// <param name="data">What it trains on.</param>
    /// <param name="extend">Whether a cosine may fall over another number of steps than it did.</param>
    /// <returns>What could not be compared with the run that wrote it, a line each.</returns>
    /// <exception cref="FileFormatException">The file is damaged.</exception>
    /// <exception cref="ConfigurationException">It is of another model or other settings.</exception>
    /// <exception cref="DataException">It is of other data.</exception>
    public static IReadOnlyList<string> LoadState(string path, string folder, Trainer trainer, TrainingData data, bool extend = false)
    {
        using var file = SafetensorsReader.Open(path);
        var remarks = RunIdentity.RequireSame(file, folder, trainer.Model.Config, trainer.Config, data, extend);
        if (trainer.Optimizer is CameOptimizer came)
        {
            CameStateFile.Load(file, came);
            return remarks;
        }
        var adam = (MomentOptimizer)trainer.Optimizer;
        long step = ModelInfo.Number(file, ModelInfo.StepKey);
        foreach (var (prefix, tensor) in Parts(trainer, adam)) Read(file, prefix, trainer.Model.Parameters, tensor);
        adam.Restore(step, UpdatesOf(file, step));
        trainer.Model.Parameters.MarkChanged();
        return remarks;
    }

    /// <summary>Notes the steps behind a state, and its updates where they are fewer.</summary>
    internal static void NoteSteps(IDictionary<string, string> notes, IOptimizer optimizer)
    {
        notes[ModelInfo.StepKey] = optimizer.Steps.ToString(CultureInfo.InvariantCulture);
        if (optimizer.Updates != optimizer.Steps) notes[UpdatesKey] = optimizer.Updates.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>The updates behind a state; as many as steps, where it does not say that some were skipped.</summary>
    /// <exception cref="FileFormatException">It says what cannot be.</exception>
    internal static long UpdatesOf(SafetensorsReader file, long steps)
    {
        long updates = file.Metadata.ContainsKey(UpdatesKey) ? ModelInfo.Number(file, UpdatesKey) : steps;
        return updates <= steps ? updates : throw new FileFormatException($"{file.Source}: metadata {UpdatesKey} is {updates}; the run has taken {steps} steps");
    }

    /// <summary>Whether a file is a whole model of a step. A run that ended between writing its state and its model has none of its last step.</summary>
    public static bool IsModelOf(string path, long step)
    {
        try
        {
            using var model = StoredModel.Open(path);
            return model.Info.Step == step;
        }
        catch (PixelDiTException)
        {
            return false;
        }
    }

    /// <summary>About how many bytes <see cref="SaveState"/> writes.</summary>
    public static long StateBytes(ModelConfig sizes) => 4 * ModelBytes(sizes);

    /// <summary>About how many bytes <see cref="SaveModel(string, Trainer, TrainingData)"/> writes.</summary>
    public static long ModelBytes(ModelConfig sizes) => (ModelCost.Parameters(sizes) * sizeof(float)) + (HeaderBytesPerTensor * ModelCost.Tensors(sizes));

    /// <summary>Builds a class model and loads its weights, a tensor at a time, from a file of any format that <see cref="WeightFile"/> opens.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where the model shall live.</param>
    /// <param name="choice">Which of the file's sets of weights to take; null for <see cref="WeightChoice.Ema"/>.</param>
    /// <exception cref="FileFormatException">The file is damaged, holds not the weights that are asked for, or a tensor is missing, unexpected or of another shape.</exception>
    /// <exception cref="ConfigurationException">The model is one this program cannot build, or a text-to-image one.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public static LoadedModel LoadModel(string path, Device device, WeightChoice? choice = null)
    {
        using var file = StoredModel.Open(path, choice);
        file.Require(text: false, "this takes");
        return new((PixelDiTModel)file.Load(device), file.Info);
    }

    private static (string Prefix, Tensor Values)[] Parts(Trainer trainer, MomentOptimizer optimizer) =>
    [
        ("param.", trainer.Model.Parameters.Values!), ("first.", optimizer.First), ("second.", optimizer.Second), ("ema.", optimizer.Average)
    ];

    private static CheckpointContent Content(ParameterSet parameters, IEnumerable<Parameter> written, (string Prefix, Tensor Values)[] parts, IReadOnlyDictionary<string, string> metadata)
        => new([.. from part in parts from parameter in written select (new TensorSpec(part.Prefix + parameter.Name, DataType.F32, [.. parameter.Shape.Select(size => (long)size)]), parameters.SliceOf(part.Values, parameter))], metadata);

    private static void Read(SafetensorsReader file, string prefix, ParameterSet parameters, Tensor target)
    {
        foreach (var parameter in parameters.All)
        {
            var place = parameters.SliceOf(target, parameter);
            place.Upload(ReadTensor(file, prefix + parameter.Name, place));
        }
    }

    /// <summary>The numbers of a state's tensor.</summary>
    /// <param name="file">The state.</param>
    /// <param name="name">The tensor.</param>
    /// <param name="place">What it is of; it must have its shape.</param>
    /// <exception cref="FileFormatException">It is missing, of another shape or not finite.</exception>
    internal static float[] ReadTensor(SafetensorsReader file, string name, Tensor place)
    {
        if (!file.Contains(name)) throw new FileFormatException($"{file.Source}: tensor {name} is missing");
        var shape = file[name].Shape;
        if (!shape.SequenceEqual(place.Shape.Select(size => (long)size))) throw new FileFormatException($"{file.Source}: tensor {name} has shape [{string.Join(", ", shape)}]; {place.Shape} was expected");
        float[] values = file.ReadSingles(name);
        long bad = ValueTally.CountNotFinite(values);
        if (bad > 0) throw new FileFormatException($"{file.Source}: tensor {name} holds {bad} of {values.Length} numbers that are not finite; the state is damaged, or of a run that has diverged");
        return values;
    }
}
