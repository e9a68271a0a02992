using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Tests.Vision;

/// <summary>The FID Inception network with weights by formula. `verify` compares a picture that is enlarged; here is one that shrinks.</summary>
internal sealed class InceptionNetworkTests
{
    private Device _device = null!;
    private InceptionNetwork _network = null!;

    [OneTimeSetUp]
    public void Load()
    {
        _device = Device.Open("cpu");
        _network = new InceptionNetwork(_device, new FormulaWeights(""));
    }

    [OneTimeTearDown]
    public void Free()
    {
        _network.Dispose();
        Assert.That(_device.Arena.BytesInUse, Is.Zero, "memory is back at its baseline");
        _device.Dispose();
    }

    [Test]
    public void Every_stage_of_a_larger_picture_is_the_golden_one()
    {
        using var golden = ConformanceFiles.In(Path.Combine(AppContext.BaseDirectory, "Golden")).Open("fid/inception");
        var result = InceptionCases.Run("fid/inception", _device, golden);
        Assert.That(result.Status, Is.EqualTo(CaseStatus.Pass), $"{result.Worst} is off by {result.Error:E2}, {result.Tolerance:E1} is allowed");
        // Three of the weights; 36 of stages, the input and three features of one way in; four of stages and features of the other, its input, and three more.
        Assert.That(result.Compared, Is.EqualTo(3 + 36 + 1 + 3 + 8));
    }

    [Test]
    public void A_picture_has_the_same_bits_in_a_batch_and_alone()
    {
        Picture[] pictures = [Drawn(3, 40, 30), Drawn(5, 299, 299), Drawn(7, 64, 64)];
        var together = _network.Extract(pictures, InceptionRoute.TensorFlow);
        for (int i = 0; i < pictures.Length; i++)
        {
            var alone = _network.Extract([pictures[i]], InceptionRoute.TensorFlow);
            Assert.That(alone.Pool, Is.EqualTo(together.Pool[(i * InceptionFeatures.PoolWidth)..((i + 1) * InceptionFeatures.PoolWidth)]));
            Assert.That(alone.Spatial, Is.EqualTo(together.Spatial[(i * InceptionFeatures.SpatialWidth)..((i + 1) * InceptionFeatures.SpatialWidth)]));
        }
    }

    [Test]
    public void A_gray_picture_is_one_of_three_equal_colours()
    {
        byte[] gray = [.. Enumerable.Range(0, 50 * 20).Select(i => (byte)(i * i % 251))];
        foreach (var route in Enum.GetValues<InceptionRoute>())
        {
            float[] one = new float[InceptionInput.Length], three = new float[InceptionInput.Length];
            InceptionInput.Write(new Picture(50, 20, 1, gray), route, one);
            InceptionInput.Write(new Picture(50, 20, 3, [.. gray.SelectMany(value => (byte[])[value, value, value])]), route, three);
            Assert.That(one, Is.EqualTo(three));
        }
    }

    [Test]
    public void A_picture_of_the_networks_size_is_only_scaled()
    {
        var picture = Drawn(9, InceptionInput.Side, InceptionInput.Side);
        float[] input = new float[InceptionInput.Length];
        InceptionInput.Write(picture, InceptionRoute.TensorFlow, input);
        Assert.That(input, Is.EqualTo(picture.Pixels.Select(value => (value - 128f) / 128f)));
    }

    [TestCase("Conv2d_1a_3x3.bn.num_batches_tracked", "", null)]
    [TestCase("", "Mixed_6c.branch7x7_2.bn.weight", "lacks \"Mixed_6c.branch7x7_2.bn.weight\"")]
    [TestCase("AuxLogits.fc.weight", "", "has \"AuxLogits.fc.weight\", which the FID Inception network does not know")]
    public void Tensors_that_are_missing_or_surplus_are_named(string more, string less, string? message)
    {
        var weights = new ChangedWeights { More = more, Less = less };
        if (message is null) Assert.That(() => new InceptionWeights(weights), Throws.Nothing);
        else Assert.That(() => new InceptionWeights(weights), Throws.TypeOf<FileFormatException>().With.Message.Contains(message));
    }

    [Test]
    public void A_tensor_of_another_shape_is_named() => Assert.That(
        () => new InceptionWeights(new ChangedWeights { Shape = ("fc.weight", [1000, 2048]) }), Throws.TypeOf<FileFormatException>().With.Message.Contains("\"fc.weight\" has the shape [1000, 2048]; [1008, 2048] was expected"));

    [Test]
    public void Another_models_file_is_refused_in_one_sentence() => Assert.That(
        () => new InceptionWeights(new ChangedWeights { Only = "patch_blocks.0.attn.qkv.weight" }), Throws.TypeOf<FileFormatException>().With.Message.Contains("none of its 1 tensors"));

    [TestCase(float.NaN, "NaN"), TestCase(-1f, "variances of 0 or more")]
    public void A_variance_that_is_none_is_named(float value, string message)
    {
        using var device = Device.Open("cpu", 1);
        Assert.That(() => new InceptionNetwork(device, new ChangedWeights { Value = ("Conv2d_1a_3x3.bn.running_var", value) }), Throws.TypeOf<FileFormatException>().With.Message.Contains("Conv2d_1a_3x3.bn.running_var").And.Message.Contains(message));
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }

    internal static Picture Drawn(int seed, int height, int width)
    {
        byte[] pixels = new byte[3 * height * width];
        new Random(seed).NextBytes(pixels);
        return new Picture(width, height, 3, pixels);
    }

    /// <summary>The weights with something changed.</summary>
    private sealed class ChangedWeights : IWeightFile
    {
        private readonly FormulaWeights _all = new("");

        public string More { get; init; } = "";

        public string Less { get; init; } = "";

        public string Only { get; init; } = "";

        public (string Name, long[] Sizes) Shape { get; init; } = ("", []);

        public (string Name, float Value) Value { get; init; } = ("", 0);

        public string Source => "changed";

        public string Format => _all.Format;

        public IReadOnlyDictionary<string, string> Metadata => _all.Metadata;

        public IReadOnlyList<TensorSpec> Tensors => Only.Length > 0 ? [new TensorSpec(Only, DataType.F32, [1])]
            : [.. _all.Tensors.Where(tensor => tensor.Name != Less).Select(tensor => tensor.Name == Shape.Name ? tensor with { Shape = Shape.Sizes } : tensor), .. More.Length == 0 ? (TensorSpec[])[] : [new TensorSpec(More, DataType.I64, [])]];

        public bool Contains(string name) => Tensors.Any(tensor => tensor.Name == name);

        public TensorSpec this[string name] => Tensors.Single(tensor => tensor.Name == name);

        public void ReadSingles(string name, long firstElement, Span<float> destination)
        {
            _all.ReadSingles(name, firstElement, destination);
            if (name == Value.Name) destination[3] = Value.Value;
        }

        public double[] ReadDoubles(string name) => _all.ReadDoubles(name);

        public void Dispose()
        {
        }
    }
}
