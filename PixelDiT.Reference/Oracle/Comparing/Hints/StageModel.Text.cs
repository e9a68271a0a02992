namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <content>MM-DiT blocks (SPEC §6).</content>
public sealed partial class StageModel
{
    /// <summary>Queries, keys and values of an MM-DiT block; null where they cannot be computed.</summary>
    internal JointSequence? Joint(Suspect suspect, int block) => suspect.Geometry is not { } g ? null : Tried(() =>
    {
        JointSequence? joint = null;
        Block(suspect.Reference, block, g, new StageVariant
        {
            Attention = sequence =>
            {
                joint = sequence;
                return new double[sequence.Q.Length];
            }
        });
        return joint;
    });

    /// <summary>What the first token of an image's stream becomes in a block, for each of several results of its attention.</summary>
    /// <param name="suspect">The block's output.</param>
    /// <param name="at">The block and the stream.</param>
    /// <param name="image">The image.</param>
    /// <param name="heads">[R, D], results of attention</param>
    /// <returns>[R, D]; null where it cannot be computed</returns>
    internal double[]? AfterAttention(Suspect suspect, BlockStep at, int image, double[] heads) => suspect.Geometry is not { } g ? null : Tried(() =>
    {
        int D = config.Hidden, R = heads.Length / D;
        if (Streams(suspect.Reference, at.Block, new StageVariant()) is not var (x, y) || Condition(suspect.Reference, true, g, new StageVariant()) is not { } c) return null;
        double[] stream = at.Stream == "y" ? y : x, first = stream[(image * (stream.Length / g.Images))..][..D];
        var inside = parameter.Under($"patch_blocks.{at.Block}");
        double[] modulation = ExactLayers.Linear(c[(image * D)..][..D], inside.Under(ModulationOf(at.Stream)), D);
        return ExactLayers.AfterAttention([.. Enumerable.Range(0, R).SelectMany(_ => first)], heads, modulation, at.Stream, inside, R, config);
    });

    private double[]? TextStage(Suspect suspect, BlockStep at, TraceGeometry g, StageVariant variant)
    {
        var trace = suspect.Reference;
        if (at.Step.Length == 0) return Block(trace, at.Block, g, variant) is var (x, y) ? at.Stream == "y" ? y : x : null;
        var inside = parameter.Under($"patch_blocks.{at.Block}");
        if (at.Step == "norm1") return Streams(trace, at.Block, variant) is var (_, text) ? Exact.RmsNorm(text, inside("norm_y1.weight")) : null;
        return Condition(trace, true, g, variant) is { } c ? ExactLayers.Linear(c, inside.Under(ModulationOf(at.Stream)), config.Hidden) : null;
    }

    private (double[] X, double[] Y)? Block(TraceFile trace, int block, TraceGeometry g, StageVariant variant)
    {
        if (Streams(trace, block, variant) is not var (x, y) || Condition(trace, true, g, variant) is not { } c || g.Words == 0) return null;
        double[] grid = (variant.RopeTable ?? Exact.RopeTable)(config.HeadWidth, g.GridHeight, g.GridWidth);
        if ((variant.TextRopeTable is { } table ? table(config.HeadWidth, g) : TextTable(g)) is not { } line) return null;
        return ExactLayers.MmDitBlock(x, y, c, parameter.Under($"patch_blocks.{block}"), grid, line, config, variant.Attention is { } attention
            ? (q, k, v) => attention(new JointSequence(q, k, v, g.Images, g.Words, g.Tokens, config.Heads, config.HeadWidth)) : null);
    }

    /// <summary>The model's own rotation of a text.</summary>
    internal double[] TextTable(TraceGeometry g) => Exact.TextRopeTable(config.HeadWidth, g.Words, config.TextRope ? config.TextRopeTheta : null);

    /// <summary>What goes into a block: the image's tokens and the text's.</summary>
    private (double[] X, double[] Y)? Streams(TraceFile trace, int block, StageVariant variant)
    {
        string before = $"act.patch_blocks.{block - 1}";
        if (trace.TryRead(block > 0 ? $"{before}.x" : "act.s_embedder") is not { } x) return null;
        if (block > 0) return trace.TryRead($"{before}.y") is { } y ? (x, y) : null;
        if (trace.TryRead("act.y_embedder") is not { } words) return null;
        if (variant.WithoutTextPositions) return (x, words);
        double[] positions = parameter("y_pos_embedding");
        int sequence = trace.Shape("act.y_embedder") is [var images, ..] && images > 0 ? words.Length / images : words.Length;
        return (x, [.. words.Select((value, i) => value + positions[i % sequence % positions.Length])]);
    }

    private static string ModulationOf(string stream) => stream == "y" ? "adaLN_modulation_txt.0" : "adaLN_modulation_img.0";
}
