namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>One axis of a tensor as a person thinks of it; what a file stores as one axis, such as the tokens of a grid, may be several.</summary>
/// <param name="Name">Such as "token row".</param>
/// <param name="Size">Its size.</param>
/// <param name="Labels">Names of its indices, where they have some.</param>
internal sealed record Axis(string Name, int Size, string[]? Labels = null)
{
    /// <summary>An index on this axis in words.</summary>
    public string Describe(int index) => Labels is null ? $"{Name} {index}" : $"{Name} {Labels[index]}";
}

/// <summary>What the indices of a trace's tensors mean, from their names, shapes and the sizes of the model (docs/2-notation.md, Stages and Finer steps).</summary>
internal static class TensorAxes
{
    private static readonly string[] s_six = ["shift1", "scale1", "gate1", "shift2", "scale2", "gate2"], s_four = ["scale1", "shift1", "scale2", "shift2"];

    /// <summary>The axes, outermost first; their sizes multiply to the tensor's elements. Plain axes of the shape where nothing is known.</summary>
    public static IReadOnlyList<Axis> Of(string name, int[] shape, TraceGeometry? geometry)
    {
        long count = shape.Aggregate(1L, (product, size) => product * size);
        if (Known(name, shape, geometry) is { } axes)
        {
            long product = axes.Aggregate(1L, (sizes, axis) => sizes * axis.Size);
            if (product == count) return axes;
            // The last axis is what the others leave.
            if (axes is [.., { Size: 0 } last] && axes[..^1].Aggregate(1L, (sizes, axis) => sizes * axis.Size) is > 0 and var outer && count % outer == 0)
                return [.. axes[..^1], last with { Size = (int)(count / outer) }];
        }
        return [.. shape.Select((size, i) => new Axis($"axis {i}", size))];
    }

    /// <summary>An element's place in words, such as "image 0, token row 1, token column 2, head 3, channel 5"; empty for a scalar.</summary>
    public static string Describe(IReadOnlyList<Axis> axes, int element)
        => string.Join(", ", axes.Zip(Index([.. axes.Select(axis => axis.Size)], element), (axis, index) => axis.Describe(index)));

    /// <summary>An element's index on each axis of a shape.</summary>
    public static int[] Index(int[] shape, int element)
    {
        int[] index = new int[shape.Length];
        for (int i = shape.Length - 1; i >= 0; i--) (element, index[i]) = Math.DivRem(element, shape[i]);
        return index;
    }

    private static Axis[]? Known(string name, int[] shape, TraceGeometry? g)
    {
        if (name is "in.y" or "grad.in.y" && shape is [var texts, var words, _]) return [new("image", texts), new("text token", words), new("channel", 0)];
        if (name is "in.t" or "in.y") return [new("image", 0)];
        if (name.StartsWith("grad.param.", StringComparison.Ordinal)) return Parameter(name, shape, g);
        if (g is null) return null;
        Axis image = new("image", g.Images), row = new("token row", g.GridHeight), column = new("token column", g.GridWidth), pixelRow = new("pixel row", g.Patch),
            pixelColumn = new("pixel column", g.Patch), channel = new("channel", 0);
        if (name is "in.x" or "out" or "target.v" or "grad.in.x") return [image, new("channel", g.Channels), row, pixelRow, column, pixelColumn];
        if (StageName.Of(name) is not { } stage) return null;
        if (stage is "y_positions" || (stage is "y_embedder" && shape.Length == 3)) return [image, new("text token", g.Words), channel];
        if (stage is "t_embedder" or "y_embedder" or "patch_condition") return [image, channel];
        if (stage is "s_embedder" or "pixel_condition") return [image, row, column, channel];
        // Without a pixel level the head reads patch tokens.
        if (stage is "final_layer.modulation") return [image, new("part", 2, ["shift", "scale"]), channel];
        if (stage is "final_layer.modulated" || (stage is "final_layer.norm" && shape is [var images, var length, _] && (images, length) == (g.Images, g.Tokens))) return [image, row, column, channel];
        if (stage is "pixel_embedder" or "final_layer" or "final_layer.norm") return [image, row, column, pixelRow, pixelColumn, channel];
        if (StageName.Block(stage) is not { } at) return null;
        var (level, _, step) = at;
        bool patch = level == "patch_blocks";
        Axis[] tokens = at.Stream == "y" ? [image, new("text token", g.Words)]
            // Without compaction attention's tokens are pixels.
            : !patch && shape is [_, var attended, ..] && g.Patch > 1 && attended == g.Tokens * g.PatchPixels ? [image, row, column, pixelRow, pixelColumn] : [image, row, column];
        Axis? head = step.StartsWith("attn.", StringComparison.Ordinal) && shape.Length >= 4 ? new("head", shape[^2]) : null;
        return step switch
        {
            "modulation" when patch => [image, new("part", 6, s_six), channel],
            "modulation" when shape is [_, 1, _] && g.Patch > 1 && Parts(shape, g) is { } shared => [image, row, column, new("part", shared.Length, shared), channel],
            "modulation" when Parts(shape, g) is { } parts => [image, row, column, pixelRow, pixelColumn, new("part", parts.Length, parts), channel],
            "attn.qkv" when head is not null => [.. tokens, new("part", 3, ["q", "k", "v"]), head, channel],
            "attn.q" or "attn.k" or "attn.out" when head is not null => [.. tokens, head, channel],
            "compact" or "attn.qkv" or "attn.q" or "attn.k" or "attn.out" => [.. tokens, channel],
            _ => patch ? [.. tokens, channel] : [image, row, column, pixelRow, pixelColumn, channel]
        };
    }

    private static string[]? Parts(int[] shape, TraceGeometry g) => shape is not [.., var width] || g.PixelWidth == 0 ? null
        : width == 6 * g.PixelWidth ? s_six : width == 4 * g.PixelWidth ? s_four : null;

    private static Axis[]? Parameter(string name, int[] shape, TraceGeometry? g) => shape switch
    {
        [1, var words, _] when name == "grad.param.y_pos_embedding" => [new("text token", words), new("channel", 0)],
        [var classes, _] when name.EndsWith("embedding_table.weight", StringComparison.Ordinal) => [new("class", classes), new("channel", 0)],
        [var outputs, _] when g is not null && name == "grad.param.s_embedder.proj.weight"
            => [new("output", outputs), new("channel", g.Channels), new("pixel row", g.Patch), new("pixel column", g.Patch)],
        [var outputs, _] => [new("output", outputs), new("input", 0)],
        [_] => [new("channel", 0)],
        _ => null
    };
}
