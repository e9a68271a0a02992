namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>Pixel tokens without their position embedding, or with one whose halves for x and y are exchanged (SPEC §3.5).</summary>
internal sealed class PositionHint : IHint
{
    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (suspect.Activation != "pixel_embedder" || suspect.Geometry is not { } g || g.PixelWidth == 0 || g.PixelWidth % 4 != 0 || !suspect.SameCount) return null;
        double[] positions = Exact.PixelPositions(g.PixelWidth, g.Height, g.Width, g.Patch);
        double[] plain = [.. suspect.A.Select((value, i) => value - positions[i % positions.Length])];
        if (suspect.Matches(plain)) return "leaves out the position embedding of pixels";
        int half = g.PixelWidth / 2;
        double[] exchanged = [.. plain.Select((value, i) => value + positions[((i / g.PixelWidth * g.PixelWidth) + ((i + half) % g.PixelWidth)) % positions.Length])];
        return suspect.Matches(exchanged) ? "exchanges x and y in the position embedding of pixels: the first half of the channels is of x" : null;
    }
}
