using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Training.Checkpoints;

namespace PixelDiT.Reference.Training;

/// <summary>
/// What a resumed run needs of a <see cref="CameOptimizer"/>, as safetensors: weights as <c>param.NAME</c>, the average, where there is one, as <c>ema.NAME</c>, and the state of every parameter that has taken
/// a step as <c>exp_avg.NAME</c> and so on, with its count of steps in the metadata as <c>step.NAME</c>. Equal states give equal files.
/// </summary>
internal static class CameStateFile
{
    private const string StepPrefix = "step.", ParameterPrefix = "param.", AveragePrefix = "ema.";

    /// <summary>Writes weights, average and state.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="optimizer">What to write.</param>
    /// <param name="metadata">Strings stored beside, such as the run's settings; their names must not begin with "step.".</param>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    /// <returns>SHA-256 of the file.</returns>
    public static string Save(string path, CameOptimizer optimizer, IReadOnlyDictionary<string, string>? metadata = null) => Content(optimizer, metadata).Write(path);

    /// <summary>What the file holds.</summary>
    internal static CheckpointContent Content(CameOptimizer optimizer, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var notes = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>(), StringComparer.Ordinal);
        Checkpoint.NoteSteps(notes, optimizer);
        foreach (var parameter in optimizer.Parameters.All.Where(parameter => optimizer.StepsOf(parameter) > 0)) notes[StepPrefix + parameter.Name] = optimizer.StepsOf(parameter).ToString(CultureInfo.InvariantCulture);
        return new([.. Parts(optimizer, optimizer.StepsOf).Select(part => (new TensorSpec(part.Name, DataType.F32, Sizes(part.Tensor)), part.Tensor))], notes);
    }

    /// <summary>Restores an optimiser and its parameters to where <see cref="Save"/> found them. Everything is checked before anything is changed.</summary>
    /// <exception cref="FileFormatException">The file is damaged, or a tensor is missing, of another shape, left over or not finite; the message names it.</exception>
    public static void Load(string path, CameOptimizer optimizer)
    {
        using var file = SafetensorsReader.Open(path);
        Load(file, optimizer);
    }

    /// <inheritdoc cref="Load(string, CameOptimizer)"/>
    internal static void Load(SafetensorsReader file, CameOptimizer optimizer)
    {
        long steps = ModelInfo.Number(file, ModelInfo.StepKey);
        var taken = optimizer.Parameters.All.ToDictionary(parameter => parameter, parameter => file.Metadata.ContainsKey(StepPrefix + parameter.Name) ? ModelInfo.Number(file, StepPrefix + parameter.Name) : 0);
        if (taken.FirstOrDefault(pair => pair.Value > steps) is { Key: { } ahead }) throw new FileFormatException($"{file.Source}: metadata {StepPrefix + ahead.Name} is {taken[ahead]}; the run has taken {steps} steps");
        var parts = Parts(optimizer, parameter => taken[parameter]).ToList();
        foreach (var (name, tensor) in parts) Checkpoint.ReadTensor(file, name, tensor);
        if (file.Tensors.FirstOrDefault(tensor => !parts.Exists(part => part.Name == tensor.Name)) is { } left)
            throw new FileFormatException($"{file.Source}: tensor {Quote.Text(left.Name)} is none of this model's state");

        // A parameter without steps has no tensors in the file: its state is zero.
        foreach (var tensor in optimizer.Parameters.All.Where(parameter => taken[parameter] == 0).SelectMany(parameter => optimizer.StateOf(parameter).Values)) tensor.Clear();
        foreach (var (name, tensor) in parts) tensor.Upload(file.ReadSingles(name));
        foreach (var (parameter, count) in taken) optimizer.SetSteps(parameter, count);
        optimizer.Restore(steps, Checkpoint.UpdatesOf(file, steps));
        optimizer.Parameters.MarkChanged();
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Parts(CameOptimizer optimizer, Func<Autodiff.Parameter, long> steps)
    {
        foreach (var parameter in optimizer.Parameters.All)
        {
            yield return (ParameterPrefix + parameter.Name, parameter.Value);
            if (optimizer.Average is { } average) yield return (AveragePrefix + parameter.Name, optimizer.Parameters.SliceOf(average, parameter));
            if (steps(parameter) == 0) continue;
            foreach (var (name, tensor) in optimizer.StateOf(parameter)) yield return ($"{name}.{parameter.Name}", tensor);
        }
    }

    private static long[] Sizes(Tensor tensor) => [.. tensor.Shape.Select(size => (long)size)];
}
