using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Oracle.Comparing.Hints;
using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>
/// Walks two traces in the order of execution, a pair of tensors in memory at a time, and explains the first pair that does not agree. Inputs must be equal; the other
/// tensors may differ by a share of the reference's largest magnitude.
/// </summary>
/// <param name="reference">The trace that is right.</param>
/// <param name="other">The trace that is compared with it.</param>
public sealed class TraceComparison(TraceFile reference, TraceFile other)
{
    private readonly Dictionary<string, double> _largestOfKind = new(StringComparer.Ordinal);

    /// <summary>For activations, output and loss, and for names that no trace has.</summary>
    public double Tolerance { get; init; } = reference.IsText ? ConformanceTolerances.Single.TextActivation : ConformanceTolerances.Single.Activation;

    /// <summary>For gradients; the norm of all of them may differ by 2.5 times as much.</summary>
    public double GradientTolerance { get; init; } = reference.IsText ? ConformanceTolerances.Single.TextGradient : ConformanceTolerances.Single.Gradient;

    /// <summary>The reference's model, with which hints can compute stages again in another way; null for none.</summary>
    public StageModel? Model { get; init; }

    /// <summary>Compares.</summary>
    /// <exception cref="FileFormatException">The files have no tensor in common, or one cannot be read.</exception>
    public TraceComparisonResult Run(CancellationToken cancel = default)
    {
        string[] both = [.. Ordered(reference).Where(other.Contains)];
        if (both.Length == 0)
            throw new FileFormatException($"{other.Source}: has no tensor of {reference.Source}: {Sample(other)} against {Sample(reference)}; --map FILE renames them");
        var lines = new List<ComparedTensor>();
        var skipped = new List<SkippedTensor>();
        FirstDifference? first = null;
        foreach (string name in both)
        {
            if (Skipped(name) is { } unread)
            {
                skipped.Add(unread);
                continue;
            }
            cancel.ThrowIfCancellationRequested();
            var (line, difference) = Compare(name);
            if (!line.Passes) first ??= Explain(line, difference, lines.LastOrDefault()?.Name);
            lines.Add(line);
        }
        if (lines.Count == 0) throw new FileFormatException($"{other.Source}: none of its tensors can be compared with {reference.Source}: {Quote.Text(skipped[0].Name)} of {(skipped[0].InReference ? "A" : "B")}: {skipped[0].Reason}");
        return new TraceComparisonResult(lines, skipped, [.. Ordered(reference).Where(name => !other.Contains(name))], [.. Ordered(other).Where(name => !reference.Contains(name))], first) { IsText = reference.IsText };
    }

    /// <summary>The tolerance of a tensor.</summary>
    public double ToleranceOf(string name) =>
        name.StartsWith("in.", StringComparison.Ordinal) || name == "target.v" ? 0 :
        name == "grad_norm" ? GradientTolerance * (ConformanceTolerances.Single.GradientNorm / ConformanceTolerances.Single.Gradient) :
        name.StartsWith("grad.", StringComparison.Ordinal) ? GradientTolerance : Tolerance;

    // A stable sort: names that no trace has keep the order of the file.
    private static IEnumerable<string> Ordered(TraceFile file) => file.Names.OrderBy(ExecutionOrder.Of);

    private static string Sample(TraceFile file) => file.Names is [var name, ..] ? $"{Quote.Text(name)}{(file.Names.Count > 1 ? ", …" : "")}" : "none";

    private SkippedTensor? Skipped(string name) => (reference.Unreadable(name) ?? other.Unreadable(name)) is { } reason ? new(name, reference.Unreadable(name) is not null, reason) : null;

    private (ComparedTensor Line, TensorDifference? Difference) Compare(string name)
    {
        int[] shape = reference.Shape(name)!, otherShape = other.Shape(name)!;
        double tolerance = ToleranceOf(name);
        if (Count(shape) != Count(otherShape)) return (new ComparedTensor(name, double.PositiveInfinity, double.PositiveInfinity, tolerance, Verdict.OtherShape, false), null);
        var difference = TensorDifference.Measure(reference.Read(name), other.Read(name), tolerance, () => LargestOfKind(name));
        var verdict = difference.NotFinite > 0 ? Verdict.NotFinite : difference.Error == 0 ? Verdict.Equal : difference.Error <= tolerance ? Verdict.Agrees : Verdict.Differs;
        return (new ComparedTensor(name, difference.Error, difference.Rms, tolerance, verdict, !shape.SequenceEqual(otherShape)), difference);
    }

    private FirstDifference Explain(ComparedTensor line, TensorDifference? difference, string? before)
    {
        string name = line.Name;
        int[] shape = reference.Shape(name)!, otherShape = other.Shape(name)!;
        var geometry = TraceGeometry.Of(reference);
        var axes = TensorAxes.Of(name, shape, geometry);
        double[] a = reference.Read(name), b = other.Read(name);
        var suspect = new Suspect(name, a, b, line.Error, line.Tolerance, axes, geometry, reference, other, Model);
        IReadOnlyList<string> hints = line.Verdict == Verdict.NotFinite ? [] : Hint.All(suspect);
        return difference is null
            ? new FirstDifference(line, before, shape, otherShape, null, "", [], default, hints)
            : new FirstDifference(
                line, before, shape, otherShape, difference, TensorAxes.Describe(axes, difference.At), TensorAxes.Index(shape, difference.At), (a[difference.At], b[difference.At]), hints);
    }

    /// <summary>The largest magnitude among the reference's tensors of a kind, such as <c>grad.param.</c></summary>
    private double LargestOfKind(string name)
    {
        string kind = ((string[])["grad.param.", "grad.act.", "act."]).FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) ?? name;
        if (_largestOfKind.TryGetValue(kind, out double known)) return known;
        return _largestOfKind[kind] = reference.Names.Where(tensor => tensor.StartsWith(kind, StringComparison.Ordinal) && reference.Unreadable(tensor) is null)
            .Max(tensor => reference.Read(tensor).Select(Math.Abs).DefaultIfEmpty().Max());
    }

    private static long Count(int[] shape) => shape.Aggregate(1L, (product, size) => product * size);
}
