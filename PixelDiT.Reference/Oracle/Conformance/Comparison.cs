using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>How a case went.</summary>
public enum CaseStatus
{
    /// <summary>Every tensor is within its tolerance.</summary>
    Pass,

    /// <summary>A tensor is beyond its tolerance.</summary>
    Fail,

    /// <summary>This program does not know the case's kind or one of its options.</summary>
    Skipped
}

/// <summary>A case's outcome: what was compared, and the tensor that came nearest to its tolerance or went furthest beyond it.</summary>
/// <param name="Name">The case.</param>
/// <param name="Status">How it went.</param>
/// <param name="Compared">Tensors compared.</param>
/// <param name="Worst">The worst tensor by error over tolerance; for a skipped case the reason.</param>
/// <param name="Error">Its error.</param>
/// <param name="Tolerance">Its tolerance.</param>
public sealed record CaseResult(string Name, CaseStatus Status, int Compared, string Worst, double Error, double Tolerance);

/// <summary>Compares the tensors of a case by their <see cref="TensorError"/> and keeps the worst.</summary>
internal sealed class Comparison(string name, IWeightFile golden)
{
    private int _compared;
    private string _worst = "";
    private double _error, _tolerance = 1, _ratio = -1;

    /// <summary>Compares a golden tensor with what was computed.</summary>
    /// <param name="tensor">Its name in the file.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="tolerance">The tolerance.</param>
    /// <param name="largestOfKind">The largest magnitude of the tensor's kind in the case, for a tensor that is all zero.</param>
    /// <exception cref="ShapeException">The two have other numbers of elements.</exception>
    public void Tensor(string tensor, ReadOnlySpan<float> actual, double tolerance, double largestOfKind = 0)
    {
        double[] expected = golden.ReadDoubles(tensor);
        if (actual.Length != expected.Length) throw new ShapeException($"{golden.Source}: {tensor} has {expected.Length} elements, {actual.Length} were computed");
        var error = new TensorError();
        for (int i = 0; i < actual.Length; i++) error.Add(expected[i], actual[i]);
        Value(tensor, error.Over(() => largestOfKind), tolerance);
    }

    /// <summary>Records an error that was computed elsewhere.</summary>
    public void Value(string tensor, double error, double tolerance)
    {
        _compared++;
        if (double.IsNaN(error)) error = double.PositiveInfinity;
        double ratio = tolerance > 0 ? error / tolerance : error > 0 ? double.PositiveInfinity : 0;
        if (ratio > _ratio) (_ratio, _worst, _error, _tolerance) = (ratio, tensor, error, tolerance);
    }

    /// <summary>The relative difference of two numbers.</summary>
    public void Number(string tensor, double actual, double expected, double tolerance) => Value(tensor, Math.Abs(actual - expected) / Math.Abs(expected), tolerance);

    /// <summary>The largest magnitude among golden tensors whose names begin so.</summary>
    public double LargestOf(string prefix) => golden.Tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal))
        .Select(tensor => golden.ReadDoubles(tensor.Name).Max(Math.Abs)).DefaultIfEmpty().Max();

    /// <summary>The outcome.</summary>
    public CaseResult Result() => new(name, _compared > 0 && _ratio <= 1 ? CaseStatus.Pass : CaseStatus.Fail, _compared, _compared > 0 ? _worst : "nothing was compared", _error, _tolerance);
}
