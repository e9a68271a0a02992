using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>What the encoder keeps, reports and refuses.</summary>
internal sealed class GemmaRunTests
{
    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = Device.Open("cpu", 2);

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    [Test]
    public void Low_memory_gives_the_same_bits_and_keeps_nothing()
    {
        using var kept = GemmaGolden.Open(_device, "gemma", 50);
        long before = _device.Arena.BytesInUse;
        using var read = GemmaGolden.Open(_device, "gemma", 50, lowMemory: true);
        Assert.That(_device.Arena.BytesInUse, Is.EqualTo(before));
        int[] ids = [2, 17, 63, 17, 0, 0], mask = [1, 1, 1, 1, 0, 0];
        using var first = kept.Encode(ids, mask, 2);
        using var second = read.Encode(ids, mask, 2);
        Assert.That(second.ToArray(), Is.EqualTo(first.ToArray()));
    }

    /// <summary>Weights in bfloat16 stay so in memory; the same values in a file of float16 do too, and others are kept in float32.</summary>
    [Test]
    public void Weights_take_the_least_memory_that_rounds_nothing()
    {
        long Bytes(string name, Func<string, long, float, float>? change = null)
        {
            long before = _device.Arena.BytesInUse;
            using var encoder = new GemmaEncoder(_device, GemmaGolden.Config(name), new ChangedWeights(GemmaGolden.Weights(name)) { Value = change });
            return _device.Arena.BytesInUse - before;
        }
        long bfloat16 = Bytes("gemma_bf16"), single = Bytes("gemma_bf16", (_, _, value) => value == 0 ? 0 : MathF.BitIncrement(value));
        Assert.That(single, Is.GreaterThan(1.7 * bfloat16));
        long one = Bytes("gemma_bf16", (name, i, value) => name.EndsWith("0.mlp.up_proj.weight") && i == 77 ? value + 1e-4f : value);
        Assert.That(one, Is.EqualTo(bfloat16 + (72 * 36 * 2)).Within(256), "one value of one matrix");
    }

    [Test]
    public void A_value_that_is_no_number_is_named()
    {
        using var file = new ChangedWeights(GemmaGolden.Weights("gemma")) { Value = (name, i, value) => name.EndsWith("2.mlp.down_proj.weight") && i == 5 ? float.NaN : value };
        Assert.That(() => new GemmaEncoder(_device, GemmaGolden.Config("gemma"), file), Throws.TypeOf<FileFormatException>().With.Message.Contains("model.layers.2.mlp.down_proj.weight").And.Message.Contains("no number"));
        Assert.That(_device.Arena.BytesInUse, Is.Zero);
    }

    [Test]
    public void Progress_names_every_layer()
    {
        var told = new List<GemmaProgress>();
        using var encoder = new GemmaEncoder(_device, GemmaGolden.Config("gemma"), GemmaGolden.Weights("gemma"), null, told.Add);
        using var states = encoder.Encode([2, 3], [], 1, told.Add);
        Assert.That(told, Is.EqualTo((GemmaProgress[])[new(0, 4, true), new(1, 4, true), new(2, 4, true), new(3, 4, true), new(0, 4, false), new(1, 4, false), new(2, 4, false), new(3, 4, false), new(4, 4, false)]));
    }

    [Test]
    public void A_pass_can_be_ended()
    {
        using var encoder = GemmaGolden.Open(_device, "gemma", null);
        long before = _device.Arena.BytesInUse;
        using var source = new CancellationTokenSource();
        Assert.That(() => encoder.Encode([2, 3], [], 1, at => { if (at.Layer == 1) source.Cancel(); }, source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(_device.Arena.BytesInUse, Is.EqualTo(before));
    }

    [Test]
    public void Ids_and_masks_that_do_not_fit_are_refused()
    {
        using var encoder = GemmaGolden.Open(_device, "gemma", null);
        Assert.That(() => encoder.Encode([2, 64], [], 1), Throws.TypeOf<DataException>().With.Message.EqualTo("token 1 of text 0 is id 64; 0 to 63 was expected"));
        Assert.That(() => encoder.Encode([2, 3, 4, -1], [], 2), Throws.TypeOf<DataException>().With.Message.Contains("token 1 of text 1 is id -1"));
        Assert.That(() => encoder.Encode([2, 3], [1, 2], 1), Throws.TypeOf<DataException>().With.Message.Contains("the mask of token 1 of text 0 is 2"));
        Assert.That(() => encoder.Encode([2, 3], [1], 1), Throws.TypeOf<ShapeException>());
        Assert.That(() => encoder.Encode([2, 3, 4], [], 2), Throws.TypeOf<ShapeException>());
        Assert.That(() => encoder.Encode([], [], 1), Throws.TypeOf<ShapeException>());
        Assert.That(() => encoder.Encode(new int[GemmaEncoder.MostTokens + 1], [], 1), Throws.TypeOf<ShapeException>().With.Message.Contains("a text of 65537 tokens"));
        Assert.That(() => GemmaGolden.Open(_device, "gemma", 0), Throws.TypeOf<ConfigurationException>().With.Message.Contains("soft cap is 0"));
    }

    /// <summary>What PixelDiT relies on: padding is computed and used, and sees the real tokens only; real tokens never see padding.</summary>
    [Test]
    public void Padding_does_not_reach_real_tokens_nor_other_padding()
    {
        using var encoder = GemmaGolden.Open(_device, "gemma", 50);
        float[] Rows(int[] ids, int[] mask)
        {
            using var states = encoder.Encode(ids, mask, 1);
            return states.ToArray();
        }
        float[] one = Rows([2, 9, 0, 0], [1, 1, 0, 0]), other = Rows([2, 9, 33, 0], [1, 1, 0, 0]);
        Assert.That(other.Take(64), Is.EqualTo(one.Take(64)), "real tokens");
        Assert.That(other.Skip(64).Take(32), Is.Not.EqualTo(one.Skip(64).Take(32)), "the padding itself");
        Assert.That(other.Skip(96), Is.EqualTo(one.Skip(96)), "padding behind it");
    }

    [TestCase(Precision.TensorFloat32, 7e-3)]
    [TestCase(Precision.BFloat16, 0.12)]
    public void Rounded_operands_move_states_as_far_as_those_of_other_models(Precision precision, double tolerance)
    {
        var run = GemmaGolden.Runs("gemma")[0];
        using var encoder = new GemmaEncoder(_device, GemmaGolden.Config("gemma"), GemmaGolden.Weights("gemma"), new() { SoftCap = run.Cap, Precision = precision });
        Assert.That(GemmaGolden.Error(encoder, "gemma", run).Largest, Is.InRange(1e-5, tolerance));
    }
}
