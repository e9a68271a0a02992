using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Vision;

/// <summary>A unit as it is computed: the batch norm is part of weight and bias.</summary>
/// <param name="Unit">What it is.</param>
/// <param name="Weight">[out, h·w·in].</param>
/// <param name="Packed">The weight as products read it; null where they read it as it is.</param>
/// <param name="Bias">[out].</param>
internal sealed record FoldedUnit(InceptionUnit Unit, Tensor Weight, Tensor? Packed, Tensor Bias) : IDisposable
{
    public void Dispose()
    {
        Weight.Dispose();
        Packed?.Dispose();
        Bias.Dispose();
    }
}

/// <summary>
/// The tensors of the FID Inception network in a file. All names and shapes are checked before a number is read. With γ, β, μ, v of a batch norm, its unit's convolution W becomes W·s and its bias β − μ·s, s = γ/√(v + ε);
/// computed in float64 and rounded once.
/// </summary>
internal sealed class InceptionWeights
{
    private const int NamesShown = 6;

    private readonly IWeightFile _file;

    /// <exception cref="FileFormatException">A tensor is missing, surplus, of another shape or not of floats; the message names it.</exception>
    public InceptionWeights(IWeightFile file)
    {
        _file = file;
        var shapes = InceptionUnit.Tensors.ToDictionary(entry => entry.Name, entry => entry.Shape, StringComparer.Ordinal);
        string[] missing = [.. shapes.Keys.Where(name => !file.Contains(name))];
        if (missing.Length == shapes.Count) throw Error($"none of its {file.Tensors.Count} tensors is of the FID Inception network, whose first is {Quote.Text(shapes.Keys.First())}; the weights pt_inception-2015-12-05 were expected");
        if (missing.Length > 0) throw Error($"lacks {List(missing)}, which the FID Inception network has");
        var counters = InceptionUnit.All.Select(unit => unit.Name + InceptionUnit.Counter).ToHashSet(StringComparer.Ordinal);
        string[] surplus = [.. file.Tensors.Select(tensor => tensor.Name).Where(name => !shapes.ContainsKey(name) && !counters.Contains(name))];
        if (surplus.Length > 0) throw Error($"has {List(surplus)}, which the FID Inception network does not know");
        foreach (var (name, shape) in shapes)
        {
            var tensor = file[name];
            if (!tensor.Shape.SequenceEqual(shape.Select(size => (long)size))) throw Error($"tensor {Quote.Text(name)} has the shape [{string.Join(", ", tensor.Shape)}]; {shape} was expected");
            if (tensor.Unreadable is { } reason) throw Error($"tensor {Quote.Text(name)}: {reason}");
            if (!tensor.Type.IsFloat) throw Error($"tensor {Quote.Text(name)} is stored as {tensor.TypeName}; floats were expected");
        }
    }

    /// <summary>A tensor of floats.</summary>
    /// <exception cref="FileFormatException">The file cannot be read, or a value is not finite.</exception>
    public float[] Read(string name)
    {
        float[] values = new float[_file[name].Count];
        _file.ReadSingles(name, 0, values);
        int wrong = Array.FindIndex(values, value => !float.IsFinite(value));
        return wrong < 0 ? values : throw Error($"tensor {Quote.Text(name)} holds {values[wrong]} at element {wrong}; finite values were expected");
    }

    /// <summary>A unit on a device.</summary>
    /// <exception cref="FileFormatException">The file cannot be read, a value is not finite, or a variance is negative.</exception>
    /// <exception cref="DeviceMemoryException">The device is out of memory.</exception>
    public FoldedUnit Load(Device device, InceptionUnit unit)
    {
        float[] weight = Read($"{unit.Name}.conv.weight"), scale = Read($"{unit.Name}.bn.weight"), shift = Read($"{unit.Name}.bn.bias"), mean = Read($"{unit.Name}.bn.running_mean"), variance = Read($"{unit.Name}.bn.running_var");
        int wrong = Array.FindIndex(variance, value => value < 0);
        if (wrong >= 0) throw Error($"tensor {Quote.Text($"{unit.Name}.bn.running_var")} holds {variance[wrong]} at element {wrong}; variances of 0 or more were expected");
        int area = unit.Window.Area, row = unit.Inputs * area;
        float[] folded = new float[weight.Length], bias = new float[unit.Outputs];
        for (int k = 0; k < unit.Outputs; k++)
        {
            double by = scale[k] / Math.Sqrt(variance[k] + InceptionUnit.Epsilon);
            bias[k] = (float)(shift[k] - (mean[k] * by));
            for (int c = 0; c < unit.Inputs; c++)
            {
                for (int i = 0; i < area; i++) folded[(k * row) + (i * unit.Inputs) + c] = (float)(weight[(k * row) + (c * area) + i] * by);
            }
        }
        Tensor? matrix = null, packed = null;
        try
        {
            matrix = device.Upload(folded, [unit.Outputs, row]);
            packed = MatMul.Pack(matrix, null);
            return new FoldedUnit(unit, matrix, packed, device.Upload(bias, [unit.Outputs]));
        }
        catch
        {
            matrix?.Dispose();
            packed?.Dispose();
            throw;
        }
    }

    private FileFormatException Error(string problem) => new($"{_file.Source}: {problem}");

    private static string List(string[] names) => string.Join(", ", names.Take(NamesShown).Select(name => Quote.Text(name))) + (names.Length > NamesShown ? $", … {names.Length - NamesShown} more" : "");
}
