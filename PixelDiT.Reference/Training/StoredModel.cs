using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;

namespace PixelDiT.Reference.Training;

/// <summary>
/// A file of a model, of any format that <see cref="WeightFile"/> opens: names, shapes and sizes are checked when it is opened, numbers stay in the
/// file until they are read.
/// </summary>
public sealed class StoredModel : IDisposable
{
    private readonly IWeightFile _file;
    private readonly WeightMap _weights;

    /// <summary>Takes an open file, which belongs to this object from here on.</summary>
    /// <param name="file">The file.</param>
    /// <param name="choice">Which of its sets of weights to take; null for <see cref="WeightChoice.Ema"/>.</param>
    /// <exception cref="FileFormatException">It holds no model, not the weights that are asked for, or a tensor is missing, unexpected or of another shape.</exception>
    /// <exception cref="ConfigurationException">The model is one this program cannot build.</exception>
    public StoredModel(IWeightFile file, WeightChoice? choice = null)
    {
        _file = file;
        try
        {
            _weights = WeightMap.FindModel(file, choice ?? WeightChoice.Ema);
            Info = Check(file, _weights);
            Shapes = ModelCost.Shapes(Info.Config);
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
    /// <inheritdoc cref="StoredModel(IWeightFile, WeightChoice?)"/>
    public static StoredModel Open(string path, WeightChoice? choice = null) => new(WeightFile.Open(path), choice);

    /// <summary>How messages call the file.</summary>
    public string Source => _file.Source;

    /// <summary>Every file that is read from.</summary>
    public IReadOnlyList<string> Files => _file.Files;

    /// <summary>The set of weights that was taken, and those that were left.</summary>
    public WeightSelection Weights => _weights.Selection;

    /// <summary>The weights that are infinite or no number, among those that the last <see cref="Load"/>, <see cref="Hash"/> or <see cref="WriteTo"/> read, and <see cref="ReadWidened"/> since.</summary>
    public ValueTally NotFinite { get; private set; } = new();

    /// <summary>The finite weights that became infinite when the last <see cref="WriteTo"/> narrowed them.</summary>
    public ValueTally Overflowed { get; private set; } = new();

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
            NotFinite.AddNotFinite(name, part.AsSpan(0, length));
            for (int i = 0; i < length; i++) values[first + i] = part[i];
        }
        return values;
    }

    /// <summary>Checks that it is the kind of model that somebody needs.</summary>
    /// <param name="text">Whether it must take text; otherwise it must take classes.</param>
    /// <param name="who">What needs it, to begin the message's second half with.</param>
    /// <exception cref="ConfigurationException">It is of the other kind.</exception>
    public void Require(bool text, string who)
    {
        if (Info.Config.IsText != text) throw new ConfigurationException($"{Source}: holds a {Info.Config.KindName} model; {who} a {ModelConfig.NameOfKind(text)} one");
    }

    /// <summary>Builds the model, of the kind its sizes say, and loads its weights, a tensor at a time.</summary>
    /// <param name="device">Where the model shall live.</param>
    /// <exception cref="FileFormatException">The file cannot be read, or a type has no values.</exception>
    /// <exception cref="ConfigurationException">The model is larger than can be built.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public PixelTransformer Load(Device device)
    {
        NotFinite = new ValueTally();
        var model = PixelTransformer.Create(Info.Config, device);
        try
        {
            foreach (var parameter in model.Parameters.All)
            {
                float[] values = new float[parameter.Shape.Count];
                ReadSingles(parameter.Name, 0, values);
                NotFinite.AddNotFinite(parameter.Name, values);
                parameter.Value.Upload(values);
            }
            model.Parameters.MarkChanged();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Gives a model that is there these weights. Its table of classes may be of another number of classes, and then stays as it is.</summary>
    /// <param name="model">The model, of the same sizes otherwise.</param>
    /// <returns>What was not taken, a line each.</returns>
    /// <exception cref="ConfigurationException">Its sizes are others.</exception>
    /// <exception cref="NotFiniteException">A weight is infinite or no number.</exception>
    /// <exception cref="FileFormatException">The file cannot be read.</exception>
    public IReadOnlyList<string> CopyTo(PixelTransformer model)
    {
        var remarks = new List<string>();
        if (Info.Config with { Classes = model.Config.Classes } != model.Config) throw new ConfigurationException($"{Source}: holds a model of other sizes than the one that is to begin with it");
        NotFinite = new ValueTally();
        foreach (var parameter in model.Parameters.OfModel)
        {
            if (!Shapes[parameter.Name].SequenceEqual(parameter.Shape.Select(size => (long)size)))
            {
                remarks.Add($"{Source}: has {Info.Config.Classes} classes, and the data {model.Config.Classes}; {parameter.Name} begins anew");
                continue;
            }
            float[] values = new float[parameter.Shape.Count];
            ReadSingles(parameter.Name, 0, values);
            NotFinite.AddNotFinite(parameter.Name, values);
            parameter.Value.Upload(values);
        }
        if (NotFinite.Total > 0) throw new NotFiniteException($"{Source}: {NotFinite.Total} weights are not finite; nothing can begin with them");
        model.Parameters.MarkChanged();
        return remarks;
    }

    /// <summary>The <see cref="WeightHash"/> that the loaded model would have.</summary>
    /// <param name="cancel">Stops the reading.</param>
    /// <exception cref="FileFormatException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The reading was cancelled.</exception>
    public string Hash(CancellationToken cancel = default) => WeightHash.Of(Shapes, Stoppable(Checked(DataType.F32), cancel));

    /// <summary>Writes the model as safetensors under its released names, in parts of a tensor, with the config and what else is known in the metadata.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="type">F32, BF16 or F16; narrowing rounds to nearest even, and <see cref="Overflowed"/> counts what it makes infinite.</param>
    /// <param name="cancel">Stops the writing; what was there is then untouched.</param>
    /// <exception cref="FileFormatException">The file cannot be read, or the target cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The writing was cancelled.</exception>
    public void WriteTo(string path, DataType type, CancellationToken cancel = default) => Write(path, Info, type, Checked(type), cancel);

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
        PixelTransformer.RequireSize(config.Validate());
        Write(path, new ModelInfo(config, 0, null, []), type, Initialization.Fill(config, seed, nonzero), cancel);
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

    /// <summary>Reads weights and counts those that are not finite, or will not be in a type.</summary>
    private TensorFill Checked(DataType type)
    {
        (NotFinite, Overflowed) = (new ValueTally(), new ValueTally());
        float limit = type.FirstInfinite;
        return (name, first, chunk) =>
        {
            ReadSingles(name, first, chunk);
            NotFinite.AddNotFinite(name, chunk);
            if (float.IsFinite(limit)) CountOverflows(name, chunk, limit);
        };
    }

    private void CountOverflows(string name, ReadOnlySpan<float> values, float limit)
    {
        long count = 0;
        float largest = 0;
        foreach (float value in values)
        {
            float magnitude = Math.Abs(value);
            if (!(magnitude >= limit) || float.IsInfinity(magnitude)) continue;
            count++;
            largest = Math.Max(largest, magnitude);
        }
        Overflowed.Add(name, count, largest);
    }

    /// <summary>Checks that a set of weights is all of a model and no more.</summary>
    /// <returns>What the file says of the model.</returns>
    /// <exception cref="FileFormatException">A tensor is missing, unexpected or of another shape.</exception>
    /// <exception cref="ConfigurationException">The model is one this program cannot build.</exception>
    internal static ModelInfo Check(IWeightFile file, WeightMap weights)
    {
        var info = ModelInfo.Read(file, weights);
        var shapes = ModelCost.Shapes(info.Config);
        if (weights.Missing(shapes.Keys) is [var missing, ..]) throw new FileFormatException($"{file.Source}: tensor {weights.ShownPrefix}{missing} is missing");
        if (weights.Unexpected(shapes.Keys) is [var unexpected, ..]) throw new FileFormatException($"{file.Source}: tensor {Quote.Text(weights.Prefix + unexpected)} is not of this model");
        foreach (var (name, expected) in shapes)
        {
            var shape = weights.Shapes[name];
            if (!shape.SequenceEqual(expected)) throw new FileFormatException($"{file.Source}: tensor {weights.ShownPrefix}{name} has shape [{string.Join(", ", shape)}]; [{string.Join(", ", expected)}] was expected");
        }
        return info;
    }
}
