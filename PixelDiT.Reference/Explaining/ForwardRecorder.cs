using System.Globalization;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Explaining;

/// <summary>Takes what a trace shows of a forward of two pictures, the same state with the condition and with the null condition, and keeps of each tensor what a page needs.</summary>
/// <param name="config">The model's sizes.</param>
/// <param name="size">Of the pictures.</param>
/// <param name="choice">Which blocks are looked into.</param>
internal sealed class ForwardRecorder(ModelConfig config, ImageSize size, ExplainChoice choice)
{
    private readonly PixelLayout _layout = new(config, size);
    private readonly List<StageRecord> _stages = [];
    private readonly List<TokenColours> _patchTokens = [], _pixelTokens = [];
    private readonly List<AttentionRecord> _attention = [];
    private readonly List<ModulationRecord> _modulations = [];
    private readonly List<CompactionRecord> _compactions = [];

    // Steps of a block that are wanted together, from the first to the last of them.
    private readonly Dictionary<string, float[]> _held = [];
    private PrincipalColours? _patchColours, _pixelColours;
    private float[][] _velocities = [];

    /// <summary>Takes a stage or step: the tensor of both pictures, the condition's first.</summary>
    public void See(string name, Tensor tensor)
    {
        float[] values = tensor.ToArray();
        var (condition, other) = (values.AsMemory(0, values.Length / 2), values.AsMemory(values.Length / 2));
        int[] shape = [tensor.Shape[0] / 2, .. tensor.Shape.Skip(1)];
        _stages.Add(new(name, shape[0] == 1 && shape.Length > 1 ? shape[1..] : shape, StageStatistics.Of(condition.Span), StageStatistics.Of(other.Span), StageStatistics.Distance(condition.Span, other.Span)));
        if (name == "out") _velocities = [condition.ToArray(), other.ToArray()];
        else if (name == "s_embedder") Patches(name, values);
        else if (name == "pixel_embedder") Pixels(name, values);
        else if (BlockOf(name) is var (level, block, step)) Inside(name[..(level.Length + 1 + block.ToString(CultureInfo.InvariantCulture).Length)], level == "pixel_blocks", block, step, values);
    }

    /// <summary>What was taken.</summary>
    public ForwardRecord Finish() => new()
    {
        Stages = _stages,
        PatchTokens = _patchTokens,
        PixelTokens = _pixelTokens,
        Attention = _attention,
        Modulations = _modulations,
        Compactions = _compactions,
        Velocities = _velocities
    };

    /// <summary>The level, number and step of what is in a block; null for other stages.</summary>
    internal static (string Level, int Block, string Step)? BlockOf(string name)
    {
        string[] parts = name.Split('.', 3);
        return parts.Length > 1 && parts[0] is "patch_blocks" or "pixel_blocks" ? (parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture), parts.Length > 2 ? parts[2] : "") : null;
    }

    private void Inside(string block, bool isPixel, int number, string step, float[] values)
    {
        if (step is "" or "x")
        {
            if (isPixel) Pixels(block, values);
            else Patches(block, values);
            _held.Clear();
            return;
        }
        bool isChosen = isPixel && choice.PixelBlocks.Contains(number);
        if (isPixel ? isChosen : choice.PatchBlocks.Contains(number)) Attend(block, isPixel, step, values);
        if (!isChosen) return;
        if (step == "modulation") _modulations.Add(ModulationRecord.Of(block, config, _layout, values, choice.Channels));
        if (config.PixelLevel != PixelLevelKind.NoCompaction) Compact(block, step, values);
    }

    private void Attend(string block, bool isPixel, string step, float[] values)
    {
        if (step is "attn.q" or "attn.k" or "attn.q_x" or "attn.k_x" or "attn.k_y") _held[step] = values;
        if (step is not ("attn.out" or "attn.out_x")) return;
        string stream = step == "attn.out" ? "" : "_x";
        var (heads, width) = isPixel ? (config.PixelAttentionHeads, config.PixelAttentionWidth) : (config.Heads, config.Hidden);
        _attention.Add(AttentionRecord.Of(block, _layout, _held[$"attn.q{stream}"], _held[$"attn.k{stream}"], _held.GetValueOrDefault("attn.k_y"), heads, width / heads, choice.Stride));
    }

    private void Compact(string block, string step, float[] values)
    {
        // What is compacted: with post-modulation the normalised pixels, else the modulated ones.
        string before = config.PostModulation ? "norm1" : "modulated1";
        if (step == before || step is "compact" or "modulation") _held[step] = values;
        if (step != "attn") return;
        float[] tokens = _held["compact"];
        float most = tokens.Max(Math.Abs);
        _compactions.Add(new(
            block, ColoursOfPixels(block, PrincipalColours.Of(_held[before], config.PixelHidden)), [.. new[] { 0, 1 }.Select(image => ByteMap.Of(tokens.AsSpan(image * tokens.Length / 2, tokens.Length / 2), -most, most))],
            config.PixelAttentionWidth, ColoursOfPixels(block, PrincipalColours.Of(values, config.PixelHidden)), ColoursOfPixels(block, PrincipalColours.Of(Added(values, _held["modulation"]), config.PixelHidden))));
    }

    /// <summary>What a block adds to its pixels [2·L, P, d] of what came back from attention.</summary>
    private float[] Added(float[] values, float[] modulation)
    {
        const int gate = 2, scale = 0, shift = 1;
        int d = config.PixelHidden, kinds = config.PixelModulation / d;
        var added = new float[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            // Rows of pixels that share a modulation follow one another.
            int own = i / d / config.PixelsPerModulation * kinds * d, channel = i % d;
            added[i] = config.PostModulation
                ? (values[i] * (1 + modulation[own + (scale * d) + channel])) + modulation[own + (shift * d) + channel]
                : values[i] * modulation[own + (gate * d) + channel];
        }
        return added;
    }

    private void Patches(string stage, float[] tokens)
    {
        var colours = _patchColours = PrincipalColours.Of(tokens, config.Hidden, _patchColours);
        int half = colours.Colours.Length / 2;
        _patchTokens.Add(new(stage, colours.Shares, [.. new[] { 0, half }.Select(first => new Picture(_layout.Across, _layout.Down, 3, colours.Colours[first..(first + half)]))]));
    }

    private void Pixels(string stage, float[] tokens)
    {
        _pixelColours = PrincipalColours.Of(tokens, config.PixelHidden, _pixelColours);
        _pixelTokens.Add(ColoursOfPixels(stage, _pixelColours));
    }

    private TokenColours ColoursOfPixels(string stage, PrincipalColours colours)
    {
        int half = colours.Colours.Length / 2;
        return new(stage, colours.Shares, [.. new[] { 0, half }.Select(first => new Picture(_layout.Width, _layout.Height, 3, _layout.ToPicture<byte>(colours.Colours.AsSpan(first, half), 3)))]);
    }
}
