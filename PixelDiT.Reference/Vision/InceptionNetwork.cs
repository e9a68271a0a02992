using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Convolutions;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Vision;

/// <summary>What the network says of some pictures, row after row.</summary>
/// <param name="Pool">[n, 2048]: the mean over the last image, which Fréchet distances, precision and recall are of.</param>
/// <param name="Spatial">[n, 2023]: the first 7 channels of Mixed_6d at each of its 17×17 pixels, in the order row, column, channel; of which sFID is.</param>
/// <param name="Scores">[n, 1008]: the classifier's outputs without bias, which inception scores are of.</param>
public sealed record InceptionFeatures(float[] Pool, float[] Spatial, float[] Scores)
{
    /// <summary>Numbers of a row of <see cref="Pool"/>.</summary>
    public const int PoolWidth = InceptionUnit.Features;

    /// <summary>Channels, rows and columns of <see cref="Spatial"/>.</summary>
    internal const int SpatialChannels = 7, SpatialSide = 17;

    /// <summary>Numbers of a row of <see cref="Spatial"/>.</summary>
    public const int SpatialWidth = SpatialSide * SpatialSide * SpatialChannels;

    /// <summary>Numbers of a row of <see cref="Scores"/>.</summary>
    public const int ScoreWidth = InceptionUnit.Classes;
}

/// <summary>
/// The FID Inception network: Inception-v3 as it was trained on 5 December 2015 (Szegedy et al.), whose features every published FID is of. 94 convolutions with folded batch norms (<see cref="InceptionUnit"/>), forward only, float32. Four things set it apart from other ports of
/// Inception-v3: average poolings leave the padding out of their divisor, the pooling of the last block is a maximum, the classifier has 1008 outputs, and ε is 0.001. Images are [B, H, W, C].
/// </summary>
public sealed class InceptionNetwork : IDisposable
{
    private static readonly Window s_halving = new(3, 3, 2), s_around = new(3, 3, 1, 1, 1);

    private readonly Device _device;
    private readonly Dictionary<string, FoldedUnit> _units = new(StringComparer.Ordinal);
    private readonly Tensor _classifier;
    private readonly Tensor? _packedClassifier;

    /// <summary>Reads the network's weights: a flat dict of tensors in any format that <see cref="WeightFile"/> opens.</summary>
    /// <param name="device">Where to compute.</param>
    /// <param name="file">The weights; they are read here, and the file is left open.</param>
    /// <exception cref="FileFormatException">A tensor is missing, unexpected, of another shape or not finite; the message names it.</exception>
    /// <exception cref="DeviceMemoryException">The device is out of memory: the network takes 0.2 GiB.</exception>
    public InceptionNetwork(Device device, IWeightFile file)
    {
        _device = device;
        var weights = new InceptionWeights(file);
        try
        {
            foreach (var unit in InceptionUnit.All) _units.Add(unit.Name, weights.Load(device, unit));
            _classifier = device.Upload(weights.Read(InceptionUnit.ClassifierWeight), [InceptionUnit.Classes, InceptionUnit.Features]);
            _packedClassifier = MatMul.Pack(_classifier, null);
            ScoreBias = weights.Read(InceptionUnit.ClassifierBias);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The stages in their order, as <see cref="Extract(ReadOnlySpan{float}, int, Action{string, Tensor}?)"/> tells of them.</summary>
    public static IReadOnlyList<string> Stages { get; } =
    [
        "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "pool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "pool2", "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7a", "Mixed_7b", "Mixed_7c"
    ];

    /// <summary>The bias of the classifier, [1008]; a row of <see cref="InceptionFeatures.Scores"/> and this are its logits.</summary>
    public IReadOnlyList<float> ScoreBias { get; } = [];

    /// <summary>The features of pictures of any sizes.</summary>
    /// <param name="pictures">At least one; some ten to thirty make good use of a CPU.</param>
    /// <param name="route">How they become inputs.</param>
    /// <param name="threads">Threads that resize pictures.</param>
    /// <exception cref="DeviceMemoryException">The device is out of memory: a picture takes about 20 MB.</exception>
    public InceptionFeatures Extract(IReadOnlyList<Picture> pictures, InceptionRoute route, int threads = -1)
    {
        float[] inputs = new float[pictures.Count * (long)InceptionInput.Length];
        Parallel.For(0, pictures.Count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i => InceptionInput.Write(pictures[i], route, inputs.AsSpan(i * InceptionInput.Length, InceptionInput.Length)));
        return Extract(inputs, pictures.Count);
    }

    /// <summary>The features of inputs.</summary>
    /// <param name="inputs">[n, 299, 299, 3], as <see cref="InceptionInput"/> makes them.</param>
    /// <param name="count">n, at least 1.</param>
    /// <param name="observe">Told of every stage, [n, H, W, C]; the tensor is the network's and gone afterwards.</param>
    /// <exception cref="ShapeException">The inputs are not as many.</exception>
    /// <exception cref="DeviceMemoryException">The device is out of memory.</exception>
    public InceptionFeatures Extract(ReadOnlySpan<float> inputs, int count, Action<string, Tensor>? observe = null)
    {
        if (count < 1 || inputs.Length != (long)count * InceptionInput.Length) throw new ShapeException($"inputs [n, {InceptionInput.Side}, {InceptionInput.Side}, 3] have {InceptionInput.Length} values each; {inputs.Length} were given for n = {count}");
        var run = new Run(this);
        float[] spatial = [];
        var x = _device.Upload(inputs, [count, InceptionInput.Side, InceptionInput.Side, 3]);
        foreach (string stage in Stages)
        {
            var y = Stage(run, stage, x);
            x.Dispose();
            x = y;
            observe?.Invoke(stage, x);
            if (stage == "Mixed_6d") spatial = Spatial(x);
        }
        using var last = x;
        using var pool = _device.Allocate([count, 1, 1, InceptionUnit.Features]);
        Pooling.Average(last, new Window(last.Shape[1], last.Shape[2]), pool);
        using var scores = _device.Allocate([count, InceptionUnit.Classes]);
        MatMul.Forward(pool, _classifier, _packedClassifier, null, scores, Precision.Single);
        return new InceptionFeatures(pool.ToArray(), spatial, scores.ToArray());
    }

    private static Tensor Stage(Run run, string stage, Tensor x) => stage switch
    {
        "pool1" or "pool2" => run.Halved(x),
        "Mixed_5b" or "Mixed_5c" or "Mixed_5d" => BlockA(run, stage, x),
        "Mixed_6a" => BlockB(run, stage, x),
        "Mixed_6b" or "Mixed_6c" or "Mixed_6d" or "Mixed_6e" => BlockC(run, stage, x),
        "Mixed_7a" => BlockD(run, stage, x),
        "Mixed_7b" or "Mixed_7c" => BlockE(run, stage, x),
        _ => run.Chain(x, stage)
    };

    private static Tensor BlockA(Run run, string at, Tensor x)
    {
        var y = run.Begin(x, at, "branch1x1", "branch5x5_2", "branch3x3dbl_3", "branch_pool");
        y.Add(x, "branch1x1");
        y.Add(x, "branch5x5_1", "branch5x5_2");
        y.Add(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3");
        y.AddPooled(x, averages: true);
        return y.Image;
    }

    private static Tensor BlockB(Run run, string at, Tensor x)
    {
        var y = run.BeginHalved(x, at, "branch3x3", "branch3x3dbl_3");
        y.Add(x, "branch3x3");
        y.Add(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3");
        y.AddHalved(x);
        return y.Image;
    }

    private static Tensor BlockC(Run run, string at, Tensor x)
    {
        var y = run.Begin(x, at, "branch1x1", "branch7x7_3", "branch7x7dbl_5", "branch_pool");
        y.Add(x, "branch1x1");
        y.Add(x, "branch7x7_1", "branch7x7_2", "branch7x7_3");
        y.Add(x, "branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5");
        y.AddPooled(x, averages: true);
        return y.Image;
    }

    private static Tensor BlockD(Run run, string at, Tensor x)
    {
        var y = run.BeginHalved(x, at, "branch3x3_2", "branch7x7x3_4");
        y.Add(x, "branch3x3_1", "branch3x3_2");
        y.Add(x, "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4");
        y.AddHalved(x);
        return y.Image;
    }

    private static Tensor BlockE(Run run, string at, Tensor x)
    {
        var y = run.Begin(x, at, "branch1x1", "branch3x3_2a", "branch3x3_2b", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool");
        y.Add(x, "branch1x1");
        using (var fork = run.Chain(x, $"{at}.branch3x3_1"))
        {
            y.Add(fork, "branch3x3_2a");
            y.Add(fork, "branch3x3_2b");
        }
        using (var fork = run.Chain(x, $"{at}.branch3x3dbl_1", $"{at}.branch3x3dbl_2"))
        {
            y.Add(fork, "branch3x3dbl_3a");
            y.Add(fork, "branch3x3dbl_3b");
        }
        // The last block's pooling is a maximum: a slip of the network of 2015, which all its features are of.
        y.AddPooled(x, averages: at == "Mixed_7b");
        return y.Image;
    }

    private static float[] Spatial(Tensor x)
    {
        int channels = x.Shape[3], pixels = x.Shape.Rows;
        float[] all = x.ToArray(), first = new float[pixels * InceptionFeatures.SpatialChannels];
        for (int i = 0; i < pixels; i++) all.AsSpan(i * channels, InceptionFeatures.SpatialChannels).CopyTo(first.AsSpan(i * InceptionFeatures.SpatialChannels));
        return first;
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        foreach (var unit in _units.Values) unit.Dispose();
        _classifier?.Dispose();
        _packedClassifier?.Dispose();
    }

    /// <summary>A pass.</summary>
    private sealed class Run(InceptionNetwork network)
    {
        public FoldedUnit this[string name] => network._units[name];

        public Tensor New(Shape shape) => network._device.Allocate(shape);

        /// <summary>Units one after the other.</summary>
        public Tensor Chain(Tensor x, params ReadOnlySpan<string> names)
        {
            Tensor? between = null;
            foreach (string name in names)
            {
                var unit = this[name];
                var y = New(unit.Unit.Window.Output((between ?? x).Shape, unit.Unit.Outputs));
                Convolve(between ?? x, unit, y, 0);
                between?.Dispose();
                between = y;
            }
            return between!;
        }

        public Tensor Halved(Tensor x)
        {
            var y = New(s_halving.Output(x.Shape, x.Shape[3]));
            Pooling.Maximum(x, s_halving, y);
            return y;
        }

        /// <summary>A block's image, of the size of x, for the channels of its branches.</summary>
        public Branches Begin(Tensor x, string at, params ReadOnlySpan<string> last) => new(this, at, New([x.Shape[0], x.Shape[1], x.Shape[2], Channels(at, last)]));

        /// <summary>A block's image of half the size, for the channels of its branches and of x.</summary>
        public Branches BeginHalved(Tensor x, string at, params ReadOnlySpan<string> last) => new(this, at, New(s_halving.Output(x.Shape, Channels(at, last) + x.Shape[3])));

        public static void Convolve(Tensor x, FoldedUnit unit, Tensor y, int channel) => Convolution.Forward(x, unit.Weight, unit.Packed, unit.Bias, unit.Unit.Window, y, channel);

        private int Channels(string at, ReadOnlySpan<string> last)
        {
            int channels = 0;
            foreach (string name in last) channels += this[$"{at}.{name}"].Unit.Outputs;
            return channels;
        }
    }

    /// <summary>An image that a block's branches fill side by side.</summary>
    private sealed class Branches(Run run, string at, Tensor image)
    {
        private int _channel;

        public Tensor Image => image;

        /// <summary>Units one after the other; the last writes into the image.</summary>
        public void Add(Tensor x, params ReadOnlySpan<string> names)
        {
            string[] whole = new string[names.Length];
            for (int i = 0; i < names.Length; i++) whole[i] = $"{at}.{names[i]}";
            var before = whole.Length > 1 ? run.Chain(x, whole.AsSpan(0, whole.Length - 1)) : null;
            var last = run[whole[^1]];
            Run.Convolve(before ?? x, last, image, _channel);
            before?.Dispose();
            _channel += last.Unit.Outputs;
        }

        /// <summary>The pooling of 3×3 and its unit.</summary>
        public void AddPooled(Tensor x, bool averages)
        {
            using var pooled = run.New(x.Shape);
            if (averages) Pooling.Average(x, s_around, pooled);
            else Pooling.Maximum(x, s_around, pooled);
            Add(pooled, "branch_pool");
        }

        /// <summary>The halving maximum of x as it is.</summary>
        public void AddHalved(Tensor x)
        {
            Pooling.Maximum(x, s_halving, image, _channel);
            _channel += x.Shape[3];
        }
    }
}
