using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Explaining;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Tests.Explaining;

/// <summary>Small models of every kind, nothing in them zero, and what is asked of them.</summary>
internal static class ExplainedModels
{
    public static readonly string[] Kinds = ["full", "gray", "post", "patch-adaln", "no-compaction", "none", "text", "patch of one"];

    public static ModelConfig Sizes(string kind)
    {
        var micro = Presets.Get("micro") with { Hidden = 32 };
        return kind switch
        {
            "full" => micro,
            "gray" => micro with { Channels = 1, PixelAttention = 24, PixelHeads = 2 },
            "post" => micro with { PostModulation = true },
            "text" => Presets.Get("micro-text") with { Hidden = 32, TextWidth = 8, TextTokens = 6 },
            "patch of one" => micro with { Patch = 1 },
            _ => micro.With(PixelLevelNames.Parse(kind))
        };
    }

    public static PixelTransformer Create(Device device, string kind)
    {
        var model = PixelTransformer.Create(Sizes(kind), device);
        Initialization.Draw(model, 7, nonzero: true);
        return model;
    }

    /// <summary>A class, or a prompt of the built-in encoder.</summary>
    public static ExplainedCondition Condition(ModelConfig config)
    {
        if (!config.IsText) return new("class 3", "the null class") { Labels = (3, config.NullClass) };
        using var encoder = new WordsEncoder(config.TextWidth, config.TextTokens);
        var states = encoder.Encode([new("a red disc"), new("", Negative: true)]);
        return new("“a red disc”", "the empty text") { States = (states[0], states[1]), Words = encoder.WordsOf(new("a red disc")), NullWords = encoder.WordsOf(new("")) };
    }

    public static ExplainRequest Request(ModelConfig config, int steps = 3, ImageSize? size = null) => new()
    {
        Condition = Condition(config),
        Sampling = new SamplingConfig { Sampler = config.IsText ? Sampler.DpmSolver : Sampler.FlowDpm, Steps = steps, Guidance = 2 },
        Size = size ?? new ImageSize(8, 12),
        Seed = 5
    };
}
