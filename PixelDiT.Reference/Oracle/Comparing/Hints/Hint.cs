namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>Recognises one way to be wrong. Each tests its hypothesis against the other's values; none guesses.</summary>
internal interface IHint
{
    /// <summary>What is wrong, as the end of a sentence that begins with "B"; null where this is not it.</summary>
    string? Explain(Suspect suspect);
}

/// <summary>The known ways, the most telling first.</summary>
internal static class Hint
{
    private static readonly IHint[] s_ofTheModel =
        [new TimeHint(), new PatchOrderHint(), new RotationHint(), new ConditionHint(), new JointOrderHint(), new PaddingHint(), new BroadcastHint(), new PositionHint(), new TextPositionHint()];

    // What any tensor can have, asked only where no fault of the model explains the difference.
    private static readonly IHint[] s_ofValues = [new AxesHint(), new FactorHint(), new RoundingHint()];

    /// <summary>What a difference looks like, in sentences; empty where it has no known shape.</summary>
    public static IReadOnlyList<string> All(Suspect suspect)
    {
        bool wrongModel = suspect.Model?.Fits(suspect) is false;
        if (wrongModel) suspect = suspect with { Model = null };
        string[] found = Found(s_ofTheModel, suspect);
        if (found.Length == 0) found = Found(s_ofValues, suspect);
        return wrongModel ? [.. found, $"the model of --model does not give A's {suspect.Name}: are they the weights of A?"] : found;
    }

    private static string[] Found(IHint[] hints, Suspect suspect) => [.. hints.Select(hint => hint.Explain(suspect)).OfType<string>().Select(text => $"B {text}")];
}
