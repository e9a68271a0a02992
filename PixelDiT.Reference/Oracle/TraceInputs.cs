using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;

namespace PixelDiT.Reference.Oracle;

/// <summary>What a trace is made from: x_t, t and labels, and the target where gradients are wanted.</summary>
public sealed class TraceInputs
{
    private const ulong TimeStream = 0, LabelStream = 1;

    private TraceInputs(float[] x, Shape shape, float[] t, int[] labels, float[]? target) => (X, Shape, T, Labels, Target) = (x, shape, t, labels, target);

    /// <summary>x_t [B, C, H, W].</summary>
    public float[] X { get; }

    /// <summary>[B, C, H, W].</summary>
    public Shape Shape { get; }

    /// <summary>[B], in [0, 1].</summary>
    public float[] T { get; }

    /// <summary>[B].</summary>
    public int[] Labels { get; }

    /// <summary>v [B, C, H, W], or null.</summary>
    public float[]? Target { get; }

    /// <summary>Reads in.x, in.t, in.y and, if there, target.v.</summary>
    /// <exception cref="FileFormatException">A tensor is missing, the shapes or labels do not fit each other or the model, a value is not finite, or a time not in [0, 1].</exception>
    public static TraceInputs Read(SafetensorsReader file, ModelConfig config)
    {
        var x = file["in.x"];
        if (x.Shape.Count != 4 || x.Shape[1] != config.Channels) throw new FileFormatException($"{file.Source}: in.x is [{string.Join(", ", x.Shape)}]; [B, {config.Channels}, H, W] was expected");
        if (x.Count is 0 or > int.MaxValue) throw new FileFormatException($"{file.Source}: in.x has {x.Count} elements; from 1 to {int.MaxValue} were expected");
        var shape = Shape.Create([.. x.Shape.Select(size => (int)size)]);
        foreach (string name in (string[])["in.t", "in.y"])
        {
            if (file[name].Count != shape[0]) throw new FileFormatException($"{file.Source}: {name} has {file[name].Count} elements; one for each of {shape[0]} images was expected");
        }
        long[] labels = file.ReadIntegers("in.y");
        foreach (long label in labels)
        {
            if (label < 0 || label > config.NullClass) throw new FileFormatException($"{file.Source}: in.y holds {label}; classes are 0 to {config.Classes - 1}, and {config.NullClass} for none");
        }
        float[]? target = null;
        if (file.Contains("target.v"))
        {
            if (!file["target.v"].Shape.SequenceEqual(x.Shape)) throw new FileFormatException($"{file.Source}: target.v is [{string.Join(", ", file["target.v"].Shape)}]; in.x's shape was expected");
            target = file.ReadSingles("target.v");
        }
        float[] pixels = file.ReadSingles("in.x"), times = file.ReadSingles("in.t");
        foreach (var (name, values) in new[] { ("in.x", pixels), ("in.t", times), ("target.v", target ?? []) })
        {
            if (ValueTally.CountNotFinite(values) is > 0 and long count) throw new FileFormatException($"{file.Source}: {name} holds {count} of {values.Length} values that are not finite; a model gives nothing for them but the same");
        }
        foreach (float time in times)
        {
            if (time is < 0 or > 1) throw new FileFormatException(FormattableString.Invariant($"{file.Source}: in.t holds {time:R}; times are from 0, noise, to 1, data"));
        }
        return new TraceInputs(pixels, shape, times, Array.ConvertAll(labels, label => (int)label), target);
    }

    /// <summary>
    /// Draws inputs: x of image k is PyTorch's CPU noise of seed + k, as in sampling, and its target what that generator gives next; t is uniform in [0, 1) and y among
    /// the classes and the null class.
    /// </summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="batch">B.</param>
    /// <param name="side">H and W.</param>
    /// <param name="seed">The seed.</param>
    /// <exception cref="ConfigurationException">The batch or the side is out of range.</exception>
    public static TraceInputs Draw(ModelConfig config, int batch, int side, ulong seed)
    {
        if (side is < 1 or > 4096) throw new ConfigurationException($"resolution is {side}; it must be from 1 to 4096");
        int most = (int)Math.Min(65536, int.MaxValue / ((long)config.Channels * side * side));
        if (batch < 1 || batch > most) throw new ConfigurationException($"batch is {batch}; at this resolution it must be from 1 to {most}");
        int size = config.Channels * side * side;
        float[] x = new float[batch * size], target = new float[batch * size];
        for (int k = 0; k < batch; k++)
        {
            var random = new TorchRandom(unchecked(seed + (ulong)k));
            random.Normal(size).CopyTo(x, k * size);
            random.Normal(size).CopyTo(target, k * size);
        }
        float Uniform(ulong stream, int k) => Philox.Uniform(seed, stream, (ulong)k);
        return new TraceInputs(
            x, [batch, config.Channels, side, side], [.. Enumerable.Range(0, batch).Select(k => Uniform(TimeStream, k))],
            [.. Enumerable.Range(0, batch).Select(k => (int)(Uniform(LabelStream, k) * (config.Classes + 1)))], target);
    }

    /// <summary>The inputs under the names by which they are read.</summary>
    internal IEnumerable<TensorData> Tensors()
    {
        long[] image = [.. Shape.Select(size => (long)size)];
        yield return new TensorData("in.x", image, X);
        yield return new TensorData("in.t", [T.Length], T);
        yield return new TensorData("in.y", [T.Length], Array.ConvertAll(Labels, label => (long)label));
        if (Target is not null) yield return new TensorData("target.v", image, Target);
    }
}
