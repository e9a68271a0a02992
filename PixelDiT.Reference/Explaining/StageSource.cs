using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle.Comparing;

namespace PixelDiT.Reference.Explaining;

/// <summary>The line of source that computes a stage or finer step.</summary>
/// <param name="File">The file below PixelDiT.Reference.</param>
/// <param name="Line">From 1.</param>
/// <param name="Code">What stands there.</param>
internal sealed record SourceLine(string File, int Line, string Code);

/// <summary>Finds the line and the equation of what a trace shows. The sources of models and layers are in the program, so that a line is the one that it was compiled from.</summary>
internal static class StageSource
{
    private const string ClassModel = "Models/PixelDiTModel.cs", TextModel = "Models/TextToImageModel.cs", Transformer = "Models/PixelTransformer.cs", Level = "Models/PixelLevel.cs", Patch = "Models/PatchBlock.cs", Joint = "Models/MmDitBlock.cs", Pixel = "Models/PixelBlock.cs",
        Norm = "Layers/Norm.cs", Attention = "Layers/RotaryAttention.cs", JointAttention = "Layers/JointAttention.cs", FeedForward = "Layers/FeedForward.cs", Embedders = "Layers/Embedders.cs";

    /// <summary>The line of a stage or step.</summary>
    /// <param name="name">As a trace calls it.</param>
    /// <param name="config">The model's sizes.</param>
    public static SourceLine LineOf(string name, ModelConfig config)
    {
        var (file, part) = Place(name, config);
        string[] lines = Read(file);
        int at = Array.FindIndex(lines, line => line.Contains(part, StringComparison.Ordinal));
        // A comment at the line's end says its shape, which stands beside it anyway.
        return at < 0 ? throw new ConfigurationException($"{file}: has no line with {part}") : new(file, at + 1, lines[at].Split("  //")[0].Trim());
    }

    /// <summary>What a stage or step is computed from, in a line; null where nobody has said it.</summary>
    /// <inheritdoc cref="LineOf" path="/param"/>
    public static string? EquationOf(string name, ModelConfig config)
    {
        if (!config.HasPixelLevel)
        {
            switch (name)
            {
                case "final_layer.modulation": return "Linear of the condition; parts shift, scale";
                case "final_layer.modulated": return "norm · (1 + scale) + shift";
                case "final_layer.norm": return "RMSNorm over D, ε 1e-6";
                case "final_layer": return "Linear D→P·C of the modulated tokens";
            }
        }
        if (name == "y_embedder.norm") return "RMSNorm over D, ε 1e-6, of proj of the encoder's states";
        bool isPixel = name.StartsWith("pixel_blocks", StringComparison.Ordinal);
        if (isPixel && config.PixelLevel == PixelLevelKind.NoCompaction && name.EndsWith(".compact", StringComparison.Ordinal)) return "Linear d→A of every pixel alone: nothing is compacted";
        if (isPixel && config.PixelLevel == PixelLevelKind.PatchAdaLN && name.EndsWith(".modulation", StringComparison.Ordinal)) return "Linear of silu(t_emb + s); one set for all pixels of a patch: shift1, scale1, gate1, shift2, scale2, gate2, with post-modulation scale1, shift1, scale2, shift2";
        return StageEquation.Of(name == "out" ? name : $"act.{name}", config.IsText);
    }

    private static (string File, string Part) Place(string name, ModelConfig config)
    {
        string model = config.IsText ? TextModel : ClassModel;
        switch (name)
        {
            case "t_embedder": return (model, "TEmbedder.Forward(tape, t)");
            case "y_embedder.norm": return (Norm, "var y = tape.RmsNorm(x, Weight)");
            case "y_embedder": return (model, "_yEmbedder.Forward(tape, ");
            case "y_positions": return (model, "tape.AddPositions(y, _yPositions)");
            case "patch_condition": return (model, "var c = tape.AddSilu(");
            case "s_embedder": return (model, "var s = SEmbedder.Forward(");
            case "pixel_condition": return (Level, "var condition = tape.AddSilu(");
            case "pixel_embedder": return (Level, "var u = embedder.Forward(");
            case "final_layer" when config.HasPixelLevel: return (Level, "var pixels = head.Forward(");
            case "final_layer": return (Transformer, "_patchHead!.Forward(tape, s, c)");
            case "final_layer.norm" when config.HasPixelLevel: return (Embedders, "_linear.Forward(tape, _norm.Forward(tape, pixels))");
            case "final_layer.norm" or "final_layer.modulated": return (Embedders, "_norm.Forward(tape, s, Chunks.Of(modulation, 2");
            case "final_layer.modulation": return (Embedders, "var modulation = _adaLN.Forward(tape, c)");
            case "out": return config.HasPixelLevel ? (Level, "return tape.ToImage(") : (Transformer, "return tape.ToImage(");
        }
        var (level, _, step, stream) = StageName.Block(name) ?? throw new ConfigurationException($"stage {name} is unknown");
        bool isText = stream.Length > 0, isPixel = level == "pixel_blocks";
        return step switch
        {
            "norm1" or "norm2" => (Norm, "var y = tape.RmsNorm(x, Weight)"),
            "modulated1" or "modulated2" => (Norm, "var y = tape.Modulate(Forward(tape, x)"),
            "attn.qkv" => (isText ? JointAttention : Attention, "var qkv = _qkv.Forward("),
            "attn.q" => isText ? (JointAttention, "Variable q = tape.NormRotate(") : (Attention, "var q = tape.NormRotate("),
            "attn.k" => isText ? (JointAttention, "k = tape.NormRotate(qkv, 1") : (Attention, "var k = tape.NormRotate("),
            "attn.out" => isText ? (JointAttention, "tape.JointAttention(") : (Attention, "var o = tape.Attention("),
            "compact" => (Pixel, "var compact = _compress.Forward("),
            "modulation" when isPixel => (Pixel, "var modulation = _adaLN.Forward("),
            "attn" when isPixel => (Pixel, config.PostModulation ? "var attention = _expand.Forward(" : "u = _expand.Forward("),
            "mlp" when isPixel => (Pixel, config.PostModulation ? "var mlp = _mlp.Forward(" : "return _mlp.Forward("),
            "" when isPixel => (Pixel, config.PostModulation ? "return tape.Modulate(mlp" : "return _mlp.Forward("),
            "modulation" when isText => (Joint, "_adaLNImage.Forward(tape, c)"),
            "attn" when isText => (JointAttention, "_image.Proj.Forward(tape, image, intoImage)"),
            _ when isText => (Joint, stream == "y" ? "y = scope.Keep(_mlpY.Forward(" : "x = scope.Keep(_mlpX.Forward("),
            "modulation" => (Patch, "var modulation = _adaLN.Forward("),
            "attn" => (Attention, "Gated into) => _proj.Forward("),
            "mlp" => (FeedForward, "Gated into) => _w2.Forward("),
            _ => (Patch, "return scope.Keep(_mlp.Forward(")
        };
    }

    private static string[] Read(string file)
    {
        using var stream = typeof(StageSource).Assembly.GetManifestResourceStream($"source/{file}") ?? throw new ConfigurationException($"{file}: is not among the sources in the program");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().Split('\n');
    }
}
