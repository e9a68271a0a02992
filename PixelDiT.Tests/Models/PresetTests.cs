using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Models;

namespace PixelDiT.Tests.Models;

/// <summary>SPEC §1's table: parameters and tensors of the presets, exact, and the cost of a forward.</summary>
internal sealed class PresetTests
{
    private static ModelConfig Preset(string name, bool post) => Presets.Get(name) with { PostModulation = post };

    [TestCase("B", false, 184_749_155, 190), TestCase("L", false, 569_648_963, 344), TestCase("XL", false, 797_383_203, 392)]
    [TestCase("B", true, 172_149_859, 190), TestCase("L", true, 536_061_763, 344), TestCase("XL", true, 759_601_699, 392), TestCase("T2I", false, 1_302_470_787, 385)]
    public void Parameters_and_tensors(string name, bool post, long parameters, int tensors)
    {
        Assert.That(ModelCost.Parameters(Preset(name, post)), Is.EqualTo(parameters));
        Assert.That(ModelCost.Tensors(Preset(name, post)), Is.EqualTo(tensors));
    }

    private static readonly ModelConfig[] s_built =
    [
        Presets.Get("micro"), Preset("micro", true), SmallModel.Config(channels: 1), SmallModel.Config(3, 1), SmallModel.Config(1, 2, post: true) with { PixelAttention = 24, PixelHeads = 3 },
        Presets.Get("micro").With(PixelLevelKind.PatchAdaLN), Presets.Get("micro").With(PixelLevelKind.NoCompaction), Presets.Get("micro").With(PixelLevelKind.None), Presets.Get("micro-text").With(PixelLevelKind.None),
        Presets.Get("micro-text"), Presets.Get("micro-text") with { PixelAttention = 32, PixelHeads = 2, PostModulation = true, TextRope = false }
    ];

    [TestCaseSource(nameof(s_built))]
    public void A_built_model_has_as_many(ModelConfig config)
    {
        using var device = Device.Open("cpu", 1);
        using PixelTransformer model = config.IsText ? new TextToImageModel(config, device) : new PixelDiTModel(config, device);
        Assert.That(model.Parameters.All.ToDictionary(parameter => parameter.Name, parameter => string.Join(',', parameter.Shape)),
            Is.EquivalentTo(ModelCost.Shapes(config).ToDictionary(entry => entry.Key, entry => string.Join(',', entry.Value))));
        Assert.That(model.Parameters.Count, Is.EqualTo(ModelCost.Parameters(config)));
        Assert.That(model.Parameters.All, Has.Count.EqualTo(ModelCost.Tensors(config)));
    }

    [TestCase("B", false, 256, 75.429), TestCase("B", false, 512, 335.279), TestCase("B", false, 1024, 1882.020)]
    [TestCase("L", false, 256, 227.768), TestCase("L", false, 512, 993.986), TestCase("L", false, 1024, 5315.134)]
    [TestCase("XL", false, 256, 311.194), TestCase("XL", false, 512, 1352.241), TestCase("XL", false, 1024, 7147.176), TestCase("XL", true, 256, 291.867)]
    [TestCase("T2I", false, 256, 525.778), TestCase("T2I", false, 512, 1432.566), TestCase("T2I", false, 1024, 6183.118)]
    public void Cost_of_a_forward(string name, bool post, int size, double gigaflops)
        => Assert.That(ModelCost.ForwardFlops(Preset(name, post), 1, size, size) / 1e9, Is.EqualTo(gigaflops).Within(0.0005));

    // What each ablation of XL at 256×256 is; without compaction SPEC §1's 82,247.
    [TestCase(PixelLevelKind.Full, 797_383_203, 392, 311.194), TestCase(PixelLevelKind.PatchAdaLN, 684_481_443, 392, 253.439), TestCase(PixelLevelKind.NoCompaction, 759_765_603, 392, 82_247.091), TestCase(PixelLevelKind.None, 628_564_512, 324, 221.177)]
    public void Cost_of_an_ablation_of_XL(PixelLevelKind kind, long parameters, int tensors, double gigaflops)
    {
        var config = Presets.Get("XL").With(kind);
        Assert.That((ModelCost.Parameters(config), ModelCost.Tensors(config)), Is.EqualTo((parameters, tensors)));
        Assert.That(ModelCost.ForwardFlops(config, 1, 256, 256) / 1e9, Is.EqualTo(gigaflops).Within(0.0005));
    }

    [Test]
    public void Every_preset_is_valid() => Assert.That(Presets.Names.Select(name => Presets.Get(name).Validate()), Has.Exactly(Presets.Names.Count).Items);

    [Test]
    public void An_unknown_preset_lists_the_known_ones()
        => Assert.That(() => Presets.Get("XXL"), Throws.TypeOf<ConfigurationException>().With.Message.Contains("'XXL'").And.Message.Contains(string.Join(", ", Presets.Names)));

    [TestCase(10, 3), TestCase(20, 2)]
    public void Sizes_that_do_not_divide_are_refused(int hidden, int heads)
        => Assert.That(() => (SmallModel.Config() with { Hidden = hidden, Heads = heads }).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("hidden"));

    [TestCase(6, 1), TestCase(8, 3), TestCase(10, 2), TestCase(-8, 2), TestCase(8, -2)]
    public void A_width_of_pixel_attention_that_does_not_divide_is_refused(int width, int heads)
        => Assert.That(() => (SmallModel.Config() with { PixelAttention = width, PixelHeads = heads }).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("pixel"));
}
