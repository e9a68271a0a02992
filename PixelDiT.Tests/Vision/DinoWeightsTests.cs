using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Vision;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Vision;

/// <summary>Files of DINOv2 weights: what is read, and what is refused by name.</summary>
internal sealed class DinoWeightsTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private string Path => System.IO.Path.Combine(_folder.Path, "dino.safetensors");

    [Test]
    public void Sizes_follow_from_shapes()
    {
        using var weights = SmallTeacher.Open();
        Assert.That(weights.Config, Is.EqualTo(new DinoConfig(32, 3, SmallTeacher.Heads, 14, 5, 128)));
    }

    [Test]
    public void A_prefix_changes_nothing()
    {
        SmallTeacher.Write(Path, [.. SmallTeacher.Tensors((name, tensor) => Renamed(tensor, $"teacher.backbone.{name}"))]);
        using DinoWeights plain = SmallTeacher.Open(), prefixed = new(Path, SmallTeacher.Heads);
        Assert.That(prefixed.Hash(), Is.EqualTo(plain.Hash()));
    }

    [TestCaseSource(nameof(Damages))]
    public void What_is_no_such_network_is_refused_by_name(string message, Func<string, TensorData, TensorData?> change, int? heads)
    {
        SmallTeacher.Write(Path, SmallTeacher.Tensors(change));
        Assert.That(() => new DinoWeights(Path, heads), Throws.InstanceOf<PixelDiTException>().With.Message.Contains(message));
    }

    private static IEnumerable<TestCaseData> Damages()
    {
        yield return Case("no_patches", "holds no DINOv2", (name, tensor) => name.StartsWith("patch_embed", StringComparison.Ordinal) ? null : tensor);
        yield return Case("a_tensor_missing", "lacks \"blocks.1.ls2.gamma\", which a DINOv2 of 3 blocks has", (name, tensor) => name == "blocks.1.ls2.gamma" ? null : tensor);
        yield return Case("a_shape", "tensor \"blocks.0.attn.qkv.weight\" has the shape [32, 96]; [96, 32] was expected", (name, tensor) => name == "blocks.0.attn.qkv.weight" ? new TensorData(name, [32, 96], new float[32 * 96]) : tensor);
        yield return Case("no_square_of_positions", "has 25 rows; a class row and those of a square grid were expected", (name, tensor) => name == "pos_embed" ? new TensorData(name, [1, 25, 32], new float[25 * 32]) : tensor);
        yield return Case("registers", "which is of register tokens", (name, tensor) => name == "mask_token" ? new TensorData("register_tokens", [1, 4, 32], new float[128]) : tensor);
        yield return Case("whole_numbers", "is stored as I64", (name, tensor) => name == "norm.bias" ? new TensorData(name, [32], new long[32]) : tensor);
        yield return new TestCaseData("is 32 channels wide, which heads of 64 do not divide", (Func<string, TensorData, TensorData?>)((_, tensor) => tensor), null).SetArgDisplayNames("heads");
        yield return new TestCaseData("has 5 heads; they must divide it", (Func<string, TensorData, TensorData?>)((_, tensor) => tensor), 5).SetArgDisplayNames("heads_that_do_not_divide");

        static TestCaseData Case(string name, string message, Func<string, TensorData, TensorData?> change) => new TestCaseData(message, change, (int?)SmallTeacher.Heads).SetArgDisplayNames(name);
    }

    [Test]
    public void A_weight_that_is_no_number_is_refused()
    {
        SmallTeacher.Write(Path, SmallTeacher.Tensors((name, tensor) => name == "norm.weight" ? new TensorData(name, [32], [float.NaN, .. new float[31]]) : tensor));
        using var weights = new DinoWeights(Path, SmallTeacher.Heads);
        using var device = Device.Open("cpu", 1);
        Assert.That(() => new DinoVisionTransformer(device, weights), Throws.TypeOf<FileFormatException>().With.Message.Contains("tensor \"norm.weight\" holds 1 of 32 numbers that are not finite"));
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }

    [Test]
    public void Images_that_are_no_multiples_of_the_patch_are_refused()
    {
        using var weights = SmallTeacher.Open();
        using var device = Device.Open("cpu", 1);
        using var network = new DinoVisionTransformer(device, weights);
        using var images = device.Allocate([1, 3, 28, 30]);
        using var tokens = device.Allocate([1, 4, 32]);
        Assert.That(() => network.Forward(images, tokens), Throws.TypeOf<ShapeException>().With.Message.Contains("takes [B, 3, H, W] of their multiples"));
    }

    private static TensorData Renamed(TensorData tensor, string name)
    {
        var values = new float[tensor.Spec.Shape.Aggregate(1L, (product, size) => product * size)];
        using var memory = new MemoryStream();
        tensor.WriteTo(memory);
        Buffer.BlockCopy(memory.ToArray(), 0, values, 0, values.Length * sizeof(float));
        return new TensorData(name, tensor.Spec.Shape, values);
    }
}
