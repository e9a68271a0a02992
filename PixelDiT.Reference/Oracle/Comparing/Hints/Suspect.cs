using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>The first pair of tensors that does not agree, and what hints may look at to explain it.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="A">The reference's values.</param>
/// <param name="B">The other's values.</param>
/// <param name="Error">Their error.</param>
/// <param name="Tolerance">The tolerance.</param>
/// <param name="Axes">What the indices of A mean.</param>
/// <param name="Geometry">The sizes, or null.</param>
/// <param name="Reference">The reference's other tensors.</param>
/// <param name="Other">The other's other tensors.</param>
/// <param name="Model">The reference's model, or null.</param>
internal sealed record Suspect(
    string Name, double[] A, double[] B, double Error, double Tolerance, IReadOnlyList<Axis> Axes, TraceGeometry? Geometry, TraceFile Reference, TraceFile Other, StageModel? Model)
{
    // Room for the rounding of a float32 hypothesis where the tolerance itself is zero.
    private const double LeastTolerance = 1e-6;

    /// <summary>The stage or step whose value this is; null for a gradient, an input or an output.</summary>
    public string? Activation => Name.StartsWith("act.", StringComparison.Ordinal) ? StageName.Of(Name) : null;

    /// <summary>The stage or step whose value or gradient this is; null for other tensors.</summary>
    public string? Stage => StageName.Of(Name);

    /// <summary>Whether both have as many elements.</summary>
    public bool SameCount => A.Length == B.Length;

    /// <summary>Whether B is what a hypothesis gives: within the tolerance, and at least ten times nearer than A is.</summary>
    public bool Matches(double[]? hypothesis)
    {
        if (hypothesis is null || hypothesis.Length != B.Length) return false;
        var error = new TensorError();
        for (int i = 0; i < B.Length; i++) error.Add(hypothesis[i], B[i]);
        return error.Over(() => 0) <= Math.Min(Math.Max(Tolerance, LeastTolerance), Error / 10);
    }

    /// <summary>Whether the two files agree on another tensor; false where one lacks it.</summary>
    public bool AgreesOn(string tensor)
    {
        if (Reference.TryRead(tensor) is not { } a || Other.TryRead(tensor) is not { } b || a.Length != b.Length) return false;
        var error = new TensorError();
        for (int i = 0; i < a.Length; i++) error.Add(a[i], b[i]);
        return error.Over(() => 0) <= Math.Max(Tolerance, LeastTolerance);
    }
}
