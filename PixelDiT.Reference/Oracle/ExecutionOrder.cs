using System.Globalization;

namespace PixelDiT.Reference.Oracle;

/// <summary>When a tensor of a trace is computed, told from its name: tuples of this kind sort as the model runs.</summary>
/// <param name="Section">Inputs, forward, output, loss, then the parts of the backward; the last is of names that no trace has.</param>
/// <param name="Stage">The stage in the forward; counted down in the backward.</param>
/// <param name="Block">The block's number within its level; counted down in the backward.</param>
/// <param name="Step">The step or parameter within a block; counted down in the backward.</param>
internal readonly record struct ExecutionTime(int Section, int Stage, int Block, int Step) : IComparable<ExecutionTime>
{
    /// <inheritdoc/>
    public int CompareTo(ExecutionTime other) => (Section, Stage, Block, Step).CompareTo((other.Section, other.Stage, other.Block, other.Step));
}

/// <summary>
/// The order of a trace's tensors. Files are sorted by name or by size, so the order comes from the names: inputs; <c>act.*</c> stage by stage, each block's finer steps
/// before the block's output; <c>out</c>; <c>loss</c>; then backward, the last stage first: <c>grad.act.*</c>, <c>grad.in.*</c>, <c>grad.param.*</c>, <c>grad_norm</c>.
/// </summary>
internal static class ExecutionOrder
{
    private const int Inputs = 0, Forward = 1, Output = 2, Loss = 3, GradientsOfStages = 4, GradientsOfInputs = 5, GradientsOfParameters = 6, Norm = 7, Unknown = 8;

    private const string TextPositions = "y_positions";

    private static readonly string[] s_inputs = ["x", "t", "y"];

    private static readonly string[] s_stages =
        ["t_embedder", "y_embedder", "patch_condition", TextPositions, "s_embedder", "patch_blocks", "pixel_condition", "pixel_embedder", "pixel_blocks", "final_layer"];

    // The empty name is the stage's own output; those of the two streams of an MM-DiT block are x, the image, and y, the text.
    private static readonly string[] s_steps =
    [
        "modulation", "norm1", "modulated1", "compact", "attn.qkv", "attn.q", "attn.k", "attn.out", "attn", "norm2", "modulated2", "mlp", "norm", "modulated", "",
        "modulation_x", "modulation_y", "norm_x1", "modulated_x1", "norm_y1", "modulated_y1", "attn.qkv_y", "attn.q_y", "attn.k_y", "attn.qkv_x", "attn.q_x", "attn.k_x", "attn.out_y", "attn.out_x",
        "attn_x", "attn_y", "norm_x2", "modulated_x2", "mlp_x", "norm_y2", "modulated_y2", "mlp_y", "x", "y"
    ];

    private static readonly string[] s_parameters =
    [
        "adaLN_modulation.0", "norm1", "compress_to_attn", "attn.qkv", "attn.q_norm", "attn.k_norm", "attn.proj", "expand_from_attn", "norm2",
        "mlp.0", "mlp.2", "mlp.w1", "mlp.w3", "mlp.w2", "mlp.fc1", "mlp.fc2", "embedding_table", "proj", "norm", "linear",
        "adaLN_modulation_img.0", "adaLN_modulation_txt.0", "norm_x1", "norm_y1", "attn.qkv_y", "attn.q_norm_y", "attn.k_norm_y", "attn.qkv_x", "attn.q_norm_x", "attn.k_norm_x", "attn.proj_x", "attn.proj_y",
        "norm_x2", "mlp_x.w1", "mlp_x.w3", "mlp_x.w2", "norm_y2", "mlp_y.w1", "mlp_y.w3", "mlp_y.w2"
    ];

    /// <summary>Where a name stands; names that no trace has stand together at the end.</summary>
    /// <param name="name">Such as <c>act.patch_blocks.3.attn.q</c> or <c>grad.param.final_layer.linear.bias</c>.</param>
    public static ExecutionTime Of(string name) => name switch
    {
        "target.v" => new(Inputs, s_inputs.Length, 0, 0),
        "out" => new(Output, 0, 0, 0),
        "loss" => new(Loss, 0, 0, 0),
        "grad_norm" => new(Norm, 0, 0, 0),
        _ when After(name, "in.") is { } input => At(Inputs, Array.IndexOf(s_inputs, input), 0, 0),
        _ when After(name, "act.") is { } stage => Within(Forward, stage, step => Array.IndexOf(s_steps, step)),
        _ when After(name, "grad.act.") is { } stage => Backward(Within(GradientsOfStages, stage, step => Array.IndexOf(s_steps, step))),
        _ when After(name, "grad.in.") is { } input => At(GradientsOfInputs, Array.IndexOf(s_inputs, input), 0, 0),
        "grad.param.y_pos_embedding" => Backward(At(GradientsOfParameters, Array.IndexOf(s_stages, TextPositions), 0, 0)),
        _ when After(name, "grad.param.") is { } parameter => Backward(Within(GradientsOfParameters, parameter, ParameterStep)),
        _ => new(Unknown, 0, 0, 0)
    };

    /// <summary>Whether a name is one that a trace can have.</summary>
    public static bool Knows(string name) => Of(name).Section != Unknown;

    private static string? After(string name, string prefix) => name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : null;

    private static ExecutionTime Within(int section, string name, Func<string, int> stepOf)
    {
        string[] parts = name.Split('.');
        int stage = Array.IndexOf(s_stages, parts[0]), block = 0, first = 1;
        if (parts[0] is "patch_blocks" or "pixel_blocks")
        {
            if (parts.Length < 2 || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out block)) return At(Unknown, 0, 0, 0);
            first = 2;
        }
        return At(section, stage, block, stepOf(string.Join('.', parts[first..])));
    }

    private static int ParameterStep(string parameter)
    {
        int dot = parameter.LastIndexOf('.');
        if (dot < 0 || parameter[(dot + 1)..] is not ("weight" or "bias")) return -1;
        int layer = Array.IndexOf(s_parameters, parameter[..dot]);
        return layer < 0 ? -1 : 2 * layer + (parameter.EndsWith("bias", StringComparison.Ordinal) ? 1 : 0);
    }

    private static ExecutionTime At(int section, int stage, int block, int step) => stage < 0 || step < 0 ? new(Unknown, 0, 0, 0) : new(section, stage, block, step);

    private static ExecutionTime Backward(ExecutionTime time) => time.Section == Unknown ? time : new(time.Section, -time.Stage, -time.Block, -time.Step);
}
