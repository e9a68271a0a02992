namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>Patches flattened in another order than channel, pixel row, pixel column (SPEC §3.1). Needs the model and <c>in.x</c>.</summary>
internal sealed class PatchOrderHint : IHint
{
    private static readonly (string Order, int Channel, int Row, int Column)[] s_orders =
        [("pixel row, pixel column, channel", 2, 0, 1), ("pixel column, pixel row, channel", 2, 1, 0), ("channel, pixel column, pixel row", 0, 2, 1)];

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (suspect.Activation != "s_embedder" || suspect.Model is null || suspect.Geometry is not { } g) return null;
        foreach (var order in s_orders)
        {
            if (suspect.Matches(suspect.Model.Compute(suspect, new StageVariant { Patches = image => Flatten(image, g, order.Channel, order.Row, order.Column) })))
                return $"flattens patches in the order ({order.Order}); the model's is (channel, pixel row, pixel column)";
        }
        return null;
    }

    /// <summary>[B, C, H, W] → [B, L, C·P], the features of a token in the order that the places of channel, row and column say.</summary>
    private static double[] Flatten(double[] image, TraceGeometry g, int channelAt, int rowAt, int columnAt)
    {
        double[] natural = Exact.Patchify(image, g.Channels, g.Height, g.Width, g.Patch), y = new double[natural.Length];
        int[] sizes = new int[3];
        (sizes[channelAt], sizes[rowAt], sizes[columnAt]) = (g.Channels, g.Patch, g.Patch);
        int features = g.Channels * g.PatchPixels;
        for (int i = 0; i < y.Length; i++)
        {
            int[] index = TensorAxes.Index(sizes, i % features);
            y[i] = natural[i - (i % features) + (index[channelAt] * g.PatchPixels) + (index[rowAt] * g.Patch) + index[columnAt]];
        }
        return y;
    }
}
