using PixelDiT.Kernels;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Explaining;

/// <summary>What a person wants a page to hold; what is null is chosen so that the page stays small.</summary>
public sealed record ExplainWish
{
    /// <summary>The steps of the sampler whose forward is traced, from 0 to n − 1.</summary>
    public IReadOnlyList<int>? Steps { get; init; }

    /// <summary>The patch blocks whose attention is kept.</summary>
    public IReadOnlyList<int>? PatchBlocks { get; init; }

    /// <summary>The PiT blocks whose modulation, compaction and attention are kept.</summary>
    public IReadOnlyList<int>? PixelBlocks { get; init; }

    /// <summary>Channels of each shift, scale and gate.</summary>
    public int? Channels { get; init; }
}

/// <summary>What a page holds: with the sizes of the model and of the picture this says how many bytes it has.</summary>
/// <param name="Steps">The steps whose forward is traced, rising.</param>
/// <param name="PatchBlocks">The patch blocks whose attention is kept, rising.</param>
/// <param name="PixelBlocks">The PiT blocks that are looked into, rising; empty without a pixel level.</param>
/// <param name="Channels">Channels of each shift, scale and gate.</param>
/// <param name="Stride">Attention is kept of every so many patches across and down.</param>
/// <param name="Frames">The steps whose pictures are kept, rising, from 0 to n.</param>
public sealed record ExplainChoice(IReadOnlyList<int> Steps, IReadOnlyList<int> PatchBlocks, IReadOnlyList<int> PixelBlocks, int Channels, int Stride, IReadOnlyList<int> Frames)
{
    // Bytes of arrays; a third more as text. With the pictures of the way, less than 20 MB.
    private const long Most = 9_700_000;
    private const int MostStride = 64, MostFrames = 51, FewFrames = 17, FewestFrames = 9;
    private const long SmallPicture = 96 * 96, LargePicture = 256 * 256;

    // From much to little; the first that fits is taken.
    private static readonly (int Steps, int PatchBlocks, int PixelBlocks, int Channels, int Stride)[] s_ladder =
    [
        (5, 6, 4, 4, 1), (5, 4, 2, 3, 1), (4, 4, 2, 2, 1), (3, 4, 2, 2, 1), (3, 3, 2, 1, 1), (3, 3, 1, 1, 1), (2, 3, 2, 1, 1), (2, 3, 1, 1, 1), (2, 3, 1, 1, 2), (2, 2, 1, 1, 2), (1, 3, 1, 1, 2), (1, 2, 1, 1, 2)
    ];

    /// <summary>Chooses what fits of what is wished for.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="size">Of the picture.</param>
    /// <param name="steps">n, the sampler's steps.</param>
    /// <param name="wish">What is wished for; it is taken whatever its size.</param>
    /// <exception cref="ConfigurationException">A step or block that is wished for does not exist.</exception>
    public static ExplainChoice Make(ModelConfig config, ImageSize size, int steps, ExplainWish wish)
    {
        Require("trace-steps", wish.Steps, steps, "the sampler's steps are");
        Require("blocks", wish.PatchBlocks, config.PatchDepth, "the model's patch blocks are");
        if (wish.PixelBlocks is not null && !config.HasPixelLevel) throw new ConfigurationException("pixel-blocks are wished for, and the model has no pixel level");
        Require("pixel-blocks", wish.PixelBlocks, config.PixelDepth, "the model's PiT blocks are");
        if (wish.Channels is { } channels && config.HasPixelLevel && (channels < 1 || channels > config.PixelHidden)) throw new ConfigurationException($"channels is {channels}; it must be from 1 to {config.PixelHidden}, the width of a pixel token");
        ExplainChoice choice = null!;
        foreach (var rung in s_ladder)
        {
            choice = At(rung.Steps, rung.PatchBlocks, rung.PixelBlocks, rung.Channels, rung.Stride);
            if (choice.BytesOf(config, size) <= Most) return choice;
        }
        // Of a large picture or a long text, fewer patches have their attention in the page.
        while (choice.Stride < MostStride && choice.BytesOf(config, size) > Most) choice = choice with { Stride = 2 * choice.Stride };
        return choice;

        ExplainChoice At(int traced, int patch, int pixel, int kinds, int stride)
        {
            int[] chosen = [.. (wish.Steps ?? Middle(steps, traced)).Distinct().Order()];
            int frames = size.Area <= SmallPicture ? MostFrames : size.Area <= LargePicture ? FewFrames : FewestFrames;
            return new(
                chosen, [.. (wish.PatchBlocks ?? Spread(config.PatchDepth, patch)).Distinct().Order()], [.. (wish.PixelBlocks ?? Spread(config.PixelDepth, pixel)).Distinct().Order()],
                Math.Min(wish.Channels ?? kinds, Math.Max(1, config.PixelHidden)), stride, [.. Spread(steps + 1, frames).Union(chosen).Order()]);
        }
    }

    /// <summary>Bytes of arrays that the page will hold, without the pictures of the way.</summary>
    internal long BytesOf(ModelConfig config, ImageSize size)
    {
        const int images = 2, colours = 3;
        long tokens = size.Area / config.PatchPixels, words = config.IsText ? config.TextTokens : 0, pixels = size.Area;
        long queries = Math.Max(1, size.Height / config.Patch / Stride) * Math.Max(1, (long)(size.Width / config.Patch / Stride));
        long patchLevel = (PatchBlocks.Count * config.Heads * queries * (words + tokens)) + ((config.PatchDepth + 1) * tokens * colours);
        if (!config.HasPixelLevel) return Steps.Count * images * patchLevel;
        long kinds = config.PostModulation ? 4 : 6, keys = config.PixelLevel == PixelLevelKind.NoCompaction ? pixels : tokens;
        long modulation = kinds * Channels * ((pixels / config.PixelsPerModulation) + tokens), compaction = config.PixelLevel == PixelLevelKind.NoCompaction ? 0 : (3 * pixels * colours) + (tokens * config.PixelAttentionWidth);
        return Steps.Count * images * (patchLevel + (PixelBlocks.Count * ((config.PixelAttentionHeads * queries * keys) + modulation + compaction)) + ((config.PixelDepth + 1) * pixels * colours));
    }

    /// <summary>Some of n things, the first and the last among them.</summary>
    private static IEnumerable<int> Spread(int n, int some)
        => some >= n ? Enumerable.Range(0, n) : some == 1 ? [n - 1] : Enumerable.Range(0, some).Select(i => (int)Math.Round((double)i * (n - 1) / (some - 1)));

    /// <summary>Some of n steps, each in the middle of an equal part of them.</summary>
    private static IEnumerable<int> Middle(int n, int some) => Enumerable.Range(0, some).Select(i => (int)((i + 0.5) * n / some));

    private static void Require(string name, IReadOnlyList<int>? wished, int count, string what)
    {
        if (wished is { Count: 0 }) throw new ConfigurationException($"{name} is empty; numbers were expected");
        foreach (int number in wished ?? [])
        {
            if (number < 0 || number >= count) throw new ConfigurationException($"{name} names {number}; {what} 0 to {count - 1}");
        }
    }
}
