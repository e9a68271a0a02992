using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Oracle;

/// <summary>What a trace is made from: noisy images, times, labels or an encoder's states of texts, and the target where gradients are wanted.</summary>
public sealed class TraceInputs
{
    private const ulong TimeStream = 0, LabelStream = 1;

    // The time of a text model (SPEC §6) is that of a thousand steps.
    private const float TextTimes = 1000;

    private TraceInputs(float[] x, Shape shape, float[] t, float[]? target) => (X, Shape, T, Target) = (x, shape, t, target);

    /// <summary>x_t [B, C, H, W]; of a text model x_σ.</summary>
    public float[] X { get; }

    /// <summary>[B, C, H, W].</summary>
    public Shape Shape { get; }

    /// <summary>[B]: in [0, 1], 0 for noise; of a text model 1000σ in [0, 1000], 1000 for noise.</summary>
    public float[] T { get; }

    /// <summary>[B]; empty for a text model.</summary>
    public int[] Labels { get; private init; } = [];

    /// <summary>An encoder's states [B, n, width]; null for a class model.</summary>
    public float[]? Text { get; private init; }

    /// <summary>[B, n, width] of a text model.</summary>
    public Shape TextShape { get; private init; }

    /// <summary>v [B, C, H, W], or null.</summary>
    public float[]? Target { get; }

    /// <summary>Inputs of a class model that are at hand.</summary>
    /// <param name="x">x_t [B, C, H, W].</param>
    /// <param name="shape">[B, C, H, W].</param>
    /// <param name="t">[B], in [0, 1].</param>
    /// <param name="labels">[B], 0 to the null class.</param>
    public static TraceInputs OfClasses(float[] x, Shape shape, float[] t, int[] labels) => new(x, shape, t, null) { Labels = labels };

    /// <summary>Inputs of a text model that are at hand.</summary>
    /// <param name="x">x_σ [B, C, H, W].</param>
    /// <param name="shape">[B, C, H, W].</param>
    /// <param name="t">[B], 1000σ.</param>
    /// <param name="states">An encoder's states [B, n, width].</param>
    /// <param name="statesShape">[B, n, width].</param>
    public static TraceInputs OfTexts(float[] x, Shape shape, float[] t, float[] states, Shape statesShape) => new(x, shape, t, null) { Text = states, TextShape = statesShape };

    /// <summary>Reads in.x, in.t, in.y (of a text model also under the name in.text) and, if there, target.v.</summary>
    /// <exception cref="FileFormatException">A tensor is missing, the shapes or labels do not fit each other or the model, a value is not finite, or a time out of its range.</exception>
    public static TraceInputs Read(SafetensorsReader file, ModelConfig config)
    {
        var x = file["in.x"];
        if (x.Shape.Count != 4 || x.Shape[1] != config.Channels) throw new FileFormatException($"{file.Source}: in.x is [{string.Join(", ", x.Shape)}]; [B, {config.Channels}, H, W] was expected");
        var shape = ShapeOf(file, "in.x");
        if (file["in.t"].Count != shape[0]) throw new FileFormatException($"{file.Source}: in.t has {file["in.t"].Count} elements; one for each of {shape[0]} images was expected");
        float[]? target = null;
        if (file.Contains("target.v"))
        {
            if (!file["target.v"].Shape.SequenceEqual(x.Shape)) throw new FileFormatException($"{file.Source}: target.v is [{string.Join(", ", file["target.v"].Shape)}]; in.x's shape was expected");
            target = Finite(file, "target.v");
        }
        int[] labels = config.IsText ? [] : ReadLabels(file, shape[0], config);
        float[] pixels = Finite(file, "in.x"), times = Finite(file, "in.t");
        float noise = config.IsText ? TextTimes : 1;
        foreach (float time in times)
        {
            if (time < 0 || time > noise) throw new FileFormatException(FormattableString.Invariant($"{file.Source}: in.t holds {time:R}; times are {(config.IsText ? "1000σ, from 0, data, to 1000, noise" : "from 0, noise, to 1, data")}"));
        }
        if (!config.IsText) return new TraceInputs(pixels, shape, times, target) { Labels = labels };
        string text = file.Contains("in.text") ? "in.text" : "in.y";
        var states = file[text];
        if (states.Shape.Count != 3 || states.Shape[0] != shape[0] || states.Shape[2] != config.TextWidth)
            throw new FileFormatException($"{file.Source}: {text} is [{string.Join(", ", states.Shape)}]; an encoder's states [{shape[0]}, n, {config.TextWidth}] were expected");
        return new TraceInputs(pixels, shape, times, target) { TextShape = ShapeOf(file, text), Text = Finite(file, text) };
    }

    /// <summary>
    /// Draws inputs: x of image k is PyTorch's CPU noise of seed + k, as in sampling, and its target what that generator gives next; t is uniform in [0, 1) and y among
    /// the classes and the null class. For a text model t is a thousand times that, and an image's text states are what its generator gives behind the target.
    /// </summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="batch">B.</param>
    /// <param name="images">The size of the images.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="textTokens">n of a text model; null for as many as it takes. Of more than that a model uses the first.</param>
    /// <exception cref="ConfigurationException">The batch, the side or the number of tokens is out of range, or a class model shall have tokens.</exception>
    public static TraceInputs Draw(ModelConfig config, int batch, ImageSize images, ulong seed, int? textTokens = null)
    {
        var (height, width) = images;
        foreach (int side in (ReadOnlySpan<int>)[height, width])
        {
            if (side is < 1 or > ImageSize.LargestSide) throw new ConfigurationException($"resolution is {side}; it must be from 1 to {ImageSize.LargestSide}");
        }
        if (textTokens is not null && !config.IsText) throw new ConfigurationException($"text-tokens is {textTokens}, and the model is {config.KindName}; it takes no text");
        if (textTokens is < 1 or > 65536) throw new ConfigurationException($"text-tokens is {textTokens}; it must be from 1 to 65536");
        int words = textTokens ?? config.TextTokens;
        long states = (long)words * config.TextWidth;
        int most = (int)Math.Min(65536, int.MaxValue / Math.Max(config.Channels * images.Area, states));
        if (batch < 1 || batch > most) throw new ConfigurationException($"batch is {batch}; at this resolution{(config.IsText ? " and with these texts" : "")} it must be from 1 to {most}");
        int size = config.Channels * height * width;
        float[] x = new float[batch * size], target = new float[batch * size], text = new float[batch * states];
        for (int k = 0; k < batch; k++)
        {
            var random = new TorchRandom(unchecked(seed + (ulong)k));
            random.Normal(size).CopyTo(x, k * size);
            random.Normal(size).CopyTo(target, k * size);
            if (config.IsText) random.Normal((int)states).CopyTo(text, k * states);
        }
        float Uniform(ulong stream, int k) => Philox.Uniform(seed, stream, (ulong)k);
        float[] times = [.. Enumerable.Range(0, batch).Select(k => (config.IsText ? TextTimes : 1) * Uniform(TimeStream, k))];
        return config.IsText
            ? new TraceInputs(x, [batch, config.Channels, height, width], times, target) { Text = text, TextShape = [batch, words, config.TextWidth] }
            : new TraceInputs(x, [batch, config.Channels, height, width], times, target)
            {
                Labels = [.. Enumerable.Range(0, batch).Select(k => (int)(Uniform(LabelStream, k) * (config.Classes + 1)))]
            };
    }

    /// <summary>Checks that they are inputs of a model's kind.</summary>
    /// <exception cref="ConfigurationException">They are those of the other kind.</exception>
    internal void RequireFit(ModelConfig config)
    {
        if (config.IsText != Text is not null) throw new ConfigurationException($"the inputs are those of a {ModelConfig.NameOfKind(Text is not null)} model, and the model is {config.KindName}");
    }

    /// <summary>The inputs under the names by which they are read.</summary>
    internal IEnumerable<TensorData> Tensors()
    {
        long[] image = [.. Shape.Select(size => (long)size)];
        yield return new TensorData("in.x", image, X);
        yield return new TensorData("in.t", [T.Length], T);
        yield return Text is null ? new TensorData("in.y", [T.Length], Array.ConvertAll(Labels, label => (long)label)) : new TensorData("in.y", [.. TextShape.Select(size => (long)size)], Text);
        if (Target is not null) yield return new TensorData("target.v", image, Target);
    }

    private static int[] ReadLabels(SafetensorsReader file, int images, ModelConfig config)
    {
        if (file["in.y"].Count != images) throw new FileFormatException($"{file.Source}: in.y has {file["in.y"].Count} elements; one for each of {images} images was expected");
        long[] labels = file.ReadIntegers("in.y");
        foreach (long label in labels)
        {
            if (label < 0 || label > config.NullClass) throw new FileFormatException($"{file.Source}: in.y holds {label}; classes are 0 to {config.Classes - 1}, and {config.NullClass} for none");
        }
        return Array.ConvertAll(labels, label => (int)label);
    }

    private static Shape ShapeOf(SafetensorsReader file, string name)
    {
        var tensor = file[name];
        if (tensor.Count is 0 or > int.MaxValue) throw new FileFormatException($"{file.Source}: {name} has {tensor.Count} elements; from 1 to {int.MaxValue} were expected");
        return Shape.Create([.. tensor.Shape.Select(size => (int)size)]);
    }

    private static float[] Finite(SafetensorsReader file, string name)
    {
        float[] values = file.ReadSingles(name);
        return ValueTally.CountNotFinite(values) is > 0 and long count
            ? throw new FileFormatException($"{file.Source}: {name} holds {count} of {values.Length} values that are not finite; a model gives nothing for them but the same")
            : values;
    }
}
