using PixelDiT.Kernels;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>How to compute a stage otherwise than the model does. What is null is computed as the model does it.</summary>
internal sealed record StageVariant
{
    /// <summary>The model's time from the trace's, for <c>t_embedder</c>.</summary>
    public Func<double, double>? Time { get; init; }

    /// <summary>The patches of an image [B, C, H, W] → [B, L, C·P], for <c>s_embedder</c>.</summary>
    public Func<double[], double[]>? Patches { get; init; }

    /// <summary>The rotation of queries and keys, in place of <see cref="Exact.RopeTable"/>.</summary>
    public Func<int, int, int, double[]>? RopeTable { get; init; }

    /// <summary>The condition of a block from what it is the SiLU of: x, the vector of each image, rows an image, width.</summary>
    public Func<double[], double[], int, int, double[]>? Condition { get; init; }

    /// <summary>The rotation of a text's queries and keys from the width of a head and the trace's sizes; null from it leaves the stage uncomputed.</summary>
    public Func<int, TraceGeometry, double[]?>? TextRopeTable { get; init; }

    /// <summary>The heads [B, n + L, h, hd] of joint attention.</summary>
    public Func<JointSequence, double[]>? Attention { get; init; }

    /// <summary>Leaves out the positions of text tokens.</summary>
    public bool WithoutTextPositions { get; init; }

    /// <summary>Gives all pixels of a patch the modulation of its first.</summary>
    public bool OneModulationForAPatch { get; init; }
}

/// <summary>The reference's model, which computes single stages in double precision from the stages before them in its trace.</summary>
/// <param name="config">The model's sizes.</param>
/// <param name="parameter">A parameter by its released name.</param>
public sealed partial class StageModel(ModelConfig config, Func<string, double[]> parameter)
{
    /// <summary>The model's sizes.</summary>
    internal ModelConfig Config => config;

    /// <summary>Whether a stage or step is among those that can be computed.</summary>
    internal static bool Computes(string stage) => stage is "t_embedder" or "s_embedder" || StageName.Block(stage) is { Step: "" or "modulation" } or { Step: "norm1", Stream: "y" };

    /// <summary>Whether the model gives the reference's tensor; null where it cannot be computed from what the trace has.</summary>
    internal bool? Fits(Suspect suspect)
    {
        try
        {
            return Stage(suspect, new StageVariant()) is { } values ? (suspect with { B = suspect.A, Error = double.PositiveInfinity }).Matches(values) : null;
        }
        catch (PixelDiTException)
        {
            return false;
        }
    }

    /// <summary>A stage, computed otherwise; null for stages without variants, where the trace lacks what the stage is computed from, and where a size does not fit.</summary>
    internal double[]? Compute(Suspect suspect, StageVariant variant) => Tried(() => Stage(suspect, variant));

    private static T? Tried<T>(Func<T?> compute) where T : class
    {
        try
        {
            return compute();
        }
        catch (PixelDiTException)
        {
            return null;
        }
    }

    private double[]? Stage(Suspect suspect, StageVariant variant)
    {
        var trace = suspect.Reference;
        if (suspect.Activation is not { } stage || suspect.Geometry is not { } g || !Computes(stage)) return null;
        if ((g.Channels, g.Patch) != (config.Channels, config.Patch))
            throw new ShapeException($"the trace has {g.Channels} channels and patches of {g.Patch}; the model's are {config.Channels} and {config.Patch}");
        if (config.IsText != trace.IsText) throw new ShapeException($"the trace is of a {ModelConfig.NameOfKind(trace.IsText)} model; this one is {config.KindName}");
        if (stage == "t_embedder")
        {
            return trace.TryRead("in.t") is { } t ? ExactLayers.TimestepEmbedder(variant.Time is { } time ? Array.ConvertAll(t, value => time(value)) : t, parameter.Under("t_embedder"), config.Hidden) : null;
        }
        if (stage == "s_embedder")
        {
            if (trace.TryRead("in.x") is not { } x) return null;
            double[] patches = variant.Patches?.Invoke(x) ?? Exact.Patchify(x, g.Channels, g.Height, g.Width, g.Patch);
            return ExactLayers.Linear(patches, parameter.Under("s_embedder.proj"), config.Channels * config.PatchPixels);
        }
        var at = StageName.Block(stage)!.Value;
        var (level, block, step) = at;
        bool patch = level == "patch_blocks";
        if (patch && config.IsText) return TextStage(suspect, at, g, variant);
        if (Condition(trace, patch, g, variant) is not { } condition) return null;
        var inside = Parameters($"{level}.{block}", patch || !variant.OneModulationForAPatch || config.PixelsPerModulation > 1);
        if (step == "modulation") return ExactLayers.Linear(condition, inside.Under("adaLN_modulation.0"), config.Hidden);
        string before = block > 0 ? $"act.{level}.{block - 1}" : patch ? "act.s_embedder" : "act.pixel_embedder";
        if (trace.TryRead(before) is not { } state) return null;
        double[] rope = patch ? (variant.RopeTable ?? Exact.RopeTable)(config.HeadWidth, g.GridHeight, g.GridWidth) : ExactLayers.PixelRopeTable(config, g.GridHeight, g.GridWidth, variant.RopeTable);
        return patch ? ExactLayers.PatchBlock(state, condition, inside, rope, config) : ExactLayers.PixelBlock(state, condition, inside, rope, config);
    }

    private double[]? Condition(TraceFile trace, bool patch, TraceGeometry g, StageVariant variant)
    {
        if (trace.TryRead("act.t_embedder") is not { } t) return null;
        var combine = variant.Condition ?? Exact.AddSilu;
        if (patch && config.IsText) return combine(t, new double[t.Length], 1, config.Hidden);
        if (patch) return trace.TryRead("act.y_embedder") is { } y ? combine(t, y, 1, config.Hidden) : null;
        return trace.TryRead($"act.patch_blocks.{config.PatchDepth - 1}{(config.IsText ? ".x" : "")}") is { } s ? combine(s, t, g.Tokens, config.Hidden) : null;
    }

    private Func<string, double[]> Parameters(string block, bool own) => name =>
    {
        double[] values = parameter($"{block}.{name}");
        if (own || !name.StartsWith("adaLN_modulation.0.", StringComparison.Ordinal)) return values;
        int first = values.Length / config.PatchPixels;
        return Enumerable.Range(0, values.Length).Select(i => values[i % first]).ToArray();
    };
}
