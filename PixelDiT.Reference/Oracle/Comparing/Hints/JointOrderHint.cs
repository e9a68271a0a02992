namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>
/// A joint attention whose sequence is not in one order throughout (SPEC §6: the text, then the image). Where everything is in the other order nothing differs. Seen in <c>attn.out_y</c> and <c>attn.out_x</c> where
/// q, k and qkv of both streams are traced, or by computing the block again.
/// </summary>
internal sealed class JointOrderHint : IHint
{
    private static readonly (string Fault, Func<JointSequence, double[]> Attend)[] s_faults =
    [
        ("takes the result of joint attention apart as [image, text]; the sequence is joined as [text, image]", joint => joint.Exchanged(joint.Attend(), joint.Tokens)),
        ("joins the sequence of joint attention as [image, text] and takes its result apart as [text, image], which is the model's order for both", joint => joint.Exchanged(joint.Attend(), joint.Words)),
        ("joins the values of joint attention as [image, text], and its keys as [text, image]", joint => joint.WithValuesExchanged().Attend())
    ];

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (suspect.Geometry is not { Words: > 0 } g || suspect.Activation is not { } stage || StageName.Block(stage) is not { Stream.Length: > 0, Step: "" or "attn.out" } at) return null;
        var joint = at.Step.Length == 0 ? null : JointSequence.Of(suspect.Reference, g, at.Block) ?? suspect.Model?.Joint(suspect, at.Block);
        foreach (var (fault, attend) in s_faults)
        {
            if (suspect.Matches(at.Step.Length == 0 ? suspect.Model?.Compute(suspect, new StageVariant { Attention = attend }) : joint?.Stream(attend(joint), at.Stream))) return fault;
        }
        return null;
    }
}
