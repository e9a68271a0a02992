using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>What a comparison of two tensors came to.</summary>
public enum Verdict
{
    /// <summary>Every element is the same.</summary>
    Equal,

    /// <summary>Within the tolerance.</summary>
    Agrees,

    /// <summary>Beyond the tolerance.</summary>
    Differs,

    /// <summary>A value is NaN or infinite.</summary>
    NotFinite,

    /// <summary>The numbers of elements are not the same.</summary>
    OtherShape
}

/// <summary>One line of a comparison.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="Error">Its error; infinite where it has none.</param>
/// <param name="Rms">The root mean square of the difference over that of the reference; infinite where there is none.</param>
/// <param name="Tolerance">Its tolerance.</param>
/// <param name="Verdict">What it came to.</param>
/// <param name="Reshaped">Whether the two have other shapes and were compared as rows of numbers.</param>
public sealed record ComparedTensor(string Name, double Error, double Rms, double Tolerance, Verdict Verdict, bool Reshaped)
{
    /// <summary>Whether the pair agrees.</summary>
    public bool Passes => Verdict is Verdict.Equal or Verdict.Agrees;
}

/// <summary>A tensor of both files that one of them does not give as numbers, so that it was not compared.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="InReference">Whether the reference's cannot be read, or the other's.</param>
/// <param name="Reason">Why.</param>
public sealed record SkippedTensor(string Name, bool InReference, string Reason);

/// <summary>The first pair that does not agree, in full.</summary>
/// <param name="Tensor">Its line.</param>
/// <param name="Before">The tensor computed before it, which agrees; null where it is the first.</param>
/// <param name="Reference">The reference's shape.</param>
/// <param name="Other">The other's shape.</param>
/// <param name="Difference">How they differ; null where the numbers of elements do.</param>
/// <param name="Place">Where, in words; empty for a scalar.</param>
/// <param name="Index">Where, as an index of the reference's shape.</param>
/// <param name="Values">The two values there.</param>
/// <param name="Hints">What the difference looks like; empty where it has no known shape.</param>
public sealed record FirstDifference(
    ComparedTensor Tensor, string? Before, int[] Reference, int[] Other, TensorDifference? Difference, string Place, int[] Index, (double Reference, double Other) Values,
    IReadOnlyList<string> Hints);

/// <summary>A comparison of two traces.</summary>
/// <param name="Tensors">Every tensor of both files that both give as numbers, in the order of execution.</param>
/// <param name="Skipped">The other tensors of both files, in that order.</param>
/// <param name="OnlyReference">Tensors that the other file lacks, in that order.</param>
/// <param name="OnlyOther">Tensors that the reference lacks, in that order.</param>
/// <param name="First">The first difference; null where all agree.</param>
public sealed record TraceComparisonResult(
    IReadOnlyList<ComparedTensor> Tensors, IReadOnlyList<SkippedTensor> Skipped, IReadOnlyList<string> OnlyReference, IReadOnlyList<string> OnlyOther, FirstDifference? First)
{
    /// <summary>Whether the reference is of a text-to-image model.</summary>
    public bool IsText { get; init; }

    /// <summary>The comparison in a few lines, for the message of a test: how many tensors agree, or the first that does not, where, what it should be and what the difference looks like.</summary>
    public override string ToString()
    {
        if (First is not { } first) return $"{Tensors.Count} tensors agree";
        var lines = new List<string> { $"{Quote.Text(first.Tensor.Name)} is the first tensor that differs{(first.Before is null ? "" : $"; {Quote.Text(first.Before)} before it agrees")}" };
        if (first.Difference is null) lines.Add($"its shape is [{string.Join(", ", first.Other)}]; [{string.Join(", ", first.Reference)}] was expected");
        else lines.Add(FormattableString.Invariant($"its error is {first.Tensor.Error:0.0e-0}, and the tolerance {first.Tensor.Tolerance:0.0e-0}; at [{string.Join(", ", first.Index)}]{(first.Place.Length > 0 ? $", {first.Place}," : "")} it is {first.Values.Other:G9}, and {first.Values.Reference:G9} was expected"));
        if (StageEquation.Of(first.Tensor.Name, IsText) is { } equation) lines.Add($"it should be {equation}");
        lines.AddRange(first.Hints.Select(hint => $"hint: {hint}"));
        return string.Join(Environment.NewLine, lines);
    }
}
