using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Training;

/// <summary>
/// A file of a class-conditional model, of any format that <see cref="WeightFile"/> opens: names, shapes and sizes are checked when it is opened, numbers stay in the
/// file until they are read.
/// </summary>
public sealed class StoredModel : IDisposable
{
    private readonly IWeightFile _file;
    private readonly WeightMap _weights;

    /// <summary>Takes an open file, which belongs to this object from here on.</summary>
    /// <param name="file">The file.</param>
    /// <param name="choice">Which of two sets of weights to take.</param>
    /// <exception cref="FileFormatException">It holds no class-conditional model, or a tensor is missing, unexpected or of another shape.</exception>
    /// <exception cref="ConfigurationException">Its config describes a model this program cannot build.</exception>
    public StoredModel(IWeightFile file, WeightChoice choice)
    {
        _file = file;
        try
        {
            _weights = WeightMap.FindClassModel(file, choice);
            Info = ModelInfo.Read(file, _weights);
            // The sizes that a config claims are held against the file before memory is taken for them.
            long expected = ModelCost.Parameters(Info.Config);
            if (expected != _weights.Count) throw new FileFormatException($"{file.Source}: holds {_weights.Count} numbers; a model of its config has {expected}");
            Shapes = ModelCost.Shapes(Info.Config);
            CheckNames();
        }
        catch (FileFormatException error) when (file.PartOf is { } part)
        {
            file.Dispose();
            throw new FileFormatException($"{file.Source}: {part}", error);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a file.</summary>
    /// <inheritdoc cref="StoredModel(IWeightFile, WeightChoice)"/>
    public static StoredModel Open(string path, WeightChoice choice = WeightChoice.Ema) => new(WeightFile.Open(path), choice);

    /// <summary>What the file says of its model.</summary>
    public ModelInfo Info { get; }

    /// <summary>The released names and shapes of the model's parameters.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<long>> Shapes { get; }

    /// <summary>Reads consecutive elements of a parameter as float32.</summary>
    /// <param name="name">The released name.</param>
    /// <param name="first">The first element, in row-major order.</param>
    /// <param name="destination">Receives the elements; as many are read as it has room for.</param>
    /// <exception cref="FileFormatException">The file cannot be read, or its type has no values.</exception>
    public void ReadSingles(string name, long first, Span<float> destination) => _weights.ReadSingles(name, first, destination);

    /// <summary>A whole parameter as the model has it, rounded to float32, in double precision.</summary>
    /// <inheritdoc cref="ReadSingles"/>
    public double[] ReadWidened(string name)
    {
        const int chunk = 1 << 14;
        double[] values = GC.AllocateUninitializedArray<double>((int)Shapes[name].Aggregate(1L, (product, size) => product * size));
        float[] part = new float[chunk];
        for (int first = 0; first < values.Length; first += chunk)
        {
            int length = Math.Min(chunk, values.Length - first);
            ReadSingles(name, first, part.AsSpan(0, length));
            for (int i = 0; i < length; i++) values[first + i] = part[i];
        }
        return values;
    }

    /// <summary>The <see cref="WeightHash"/> that the loaded model would have.</summary>
    /// <param name="cancel">Stops the reading.</param>
    /// <exception cref="FileFormatException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The reading was cancelled.</exception>
    public string Hash(CancellationToken cancel = default) => WeightHash.Of(Shapes, Stoppable(ReadSingles, cancel));

    /// <summary>Writes the model as safetensors under its released names, in parts of a tensor, with the config and what else is known in the metadata.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="type">F32, BF16 or F16; narrowing rounds to nearest even.</param>
    /// <param name="cancel">Stops the writing; what was there is then untouched.</param>
    /// <exception cref="FileFormatException">The file cannot be read, or the target cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The writing was cancelled.</exception>
    public void WriteTo(string path, DataType type, CancellationToken cancel = default) => Write(path, Info, type, ReadSingles, cancel);

    /// <summary>Writes a new model: <see cref="Initialization.Fill"/>'s numbers, a part of a tensor at a time.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="config">The sizes.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="nonzero">Whether to draw also what training begins at zero or one.</param>
    /// <param name="type">F32, BF16 or F16.</param>
    /// <param name="cancel">Stops the writing; what was there is then untouched.</param>
    /// <exception cref="FileFormatException">The file cannot be written; what was there is untouched.</exception>
    /// <exception cref="OperationCanceledException">The writing was cancelled.</exception>
    /// <exception cref="ConfigurationException">The sizes do not fit each other, or make a model larger than can be built.</exception>
    public static void WriteNew(string path, ModelConfig config, ulong seed, bool nonzero, DataType type, CancellationToken cancel = default)
    {
        PixelDiTModel.RequireSize(config.Validate());
        Write(path, new ModelInfo(config, 0, 0, []), type, Initialization.Fill(config, seed, nonzero), cancel);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static void Write(string path, ModelInfo info, DataType type, TensorFill fill, CancellationToken cancel)
        => SafetensorsWriter.Write(path, [.. ModelCost.Shapes(info.Config).Select(entry => new TensorSpec(entry.Key, type, entry.Value))], info.Metadata(), Stoppable(fill, cancel));

    private static TensorFill Stoppable(TensorFill fill, CancellationToken cancel) => (name, first, chunk) =>
    {
        cancel.ThrowIfCancellationRequested();
        fill(name, first, chunk);
    };

    private void CheckNames()
    {
        if (_weights.Missing(Shapes.Keys) is [var missing, ..]) throw new FileFormatException($"{_file.Source}: tensor {_weights.Prefix}{missing} is missing");
        if (_weights.Unexpected(Shapes.Keys) is [var unexpected, ..]) throw new FileFormatException($"{_file.Source}: tensor {Quote.Text(_weights.Prefix + unexpected)} is not of this model");
        foreach (var (name, expected) in Shapes)
        {
            var shape = _weights.Shapes[name];
            if (!shape.SequenceEqual(expected)) throw new FileFormatException($"{_file.Source}: tensor {_weights.Prefix}{name} has shape [{string.Join(", ", shape)}]; [{string.Join(", ", expected)}] was expected");
        }
    }
}
