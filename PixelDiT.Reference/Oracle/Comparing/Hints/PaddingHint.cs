namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>
/// Padding that joint attention does not see; the model masks nothing (SPEC §6). How many tokens a text has is found out: the first row of B says it, which is computed for every number of them. Seen as the order of the
/// sequence is by <see cref="JointOrderHint"/>.
/// </summary>
internal sealed class PaddingHint : IHint
{
    private const int ImagesListed = 4;

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (suspect.Geometry is not { Words: > 1 } g || suspect.Activation is not { } stage || StageName.Block(stage) is not { Stream.Length: > 0, Step: "" or "attn.out" } at || !suspect.SameCount) return null;
        bool isBlock = at.Step.Length == 0;
        var joint = (isBlock ? null : JointSequence.Of(suspect.Reference, g, at.Block)) ?? suspect.Model?.Joint(suspect, at.Block);
        int rows = at.Stream == "y" ? g.Words : g.Tokens;
        if (joint is null || suspect.B.Length != (long)joint.Images * rows * joint.Heads * joint.HeadWidth) return null;

        int[] lengths = [.. Enumerable.Range(0, joint.Images).Select(image => Length(suspect, joint, at, image, rows))];
        if (lengths.Contains(0) || lengths.All(length => length == joint.Words)) return null;
        double[]? hypothesis = isBlock ? suspect.Model?.Compute(suspect, new StageVariant { Attention = sequence => sequence.Attend(lengths) }) : joint.Stream(joint.Attend(lengths), at.Stream);
        if (!suspect.Matches(hypothesis)) return null;
        string places = string.Join(", ", lengths.Index().Where(entry => entry.Item < joint.Words).Take(ImagesListed).Select(entry => $"{entry.Item} of image {entry.Index}"));
        return $"masks text tokens in attention as padding, from token {places} on; the model masks nothing: its padding is seen like every token";
    }

    /// <summary>How many tokens of an image's text the first row of its stream has seen; 0 where no number fits.</summary>
    private static int Length(Suspect suspect, JointSequence joint, BlockStep at, int image, int rows)
    {
        int width = joint.Heads * joint.HeadWidth;
        double[] candidates = [.. joint.Prefixes(image, at.Stream == "y" ? 0 : joint.Words).SelectMany(entry => (double[])[.. entry.Heads])];       // [n, D]
        if (at.Step.Length == 0)
        {
            if (suspect.Model?.AfterAttention(suspect, at, image, candidates) is not { } after) return 0;
            candidates = after;
        }
        var row = suspect.B.AsSpan(image * rows * width, width);
        int nearest = 0;
        double least = Math.Max(suspect.Tolerance, 1e-6) * suspect.A.Max(Math.Abs);
        for (int length = 1; length <= joint.Words; length++)
        {
            double largest = 0;
            for (int i = 0; i < width; i++) largest = Math.Max(largest, Math.Abs(candidates[((length - 1) * width) + i] - row[i]));
            if (largest <= least) (nearest, least) = (length, largest);
        }
        return nearest;
    }
}
