namespace PixelDiT.Reference.Explaining;

/// <summary>What a picture is drawn for, and the null condition that guidance leads away from: labels of a class model, states of texts of a text model.</summary>
/// <param name="Name">How a person knows the condition: a class, or a prompt.</param>
/// <param name="NullName">The same of the null condition.</param>
public sealed record ExplainedCondition(string Name, string NullName)
{
    /// <summary>The class and the null class; of no meaning for a text model.</summary>
    public (int Condition, int Null) Labels { get; init; }

    /// <summary>States [n, width] of both texts, of one length; null for a class model.</summary>
    public (float[] Condition, float[] Null)? States { get; init; }

    /// <summary>What each state of the prompt stands for, such as a word; empty where nobody knows.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>The same of the null condition.</summary>
    public IReadOnlyList<string> NullWords { get; init; } = [];
}
