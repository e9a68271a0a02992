using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Tests.Operations;

/// <summary>How far a result may lie from the oracle, relative to the largest magnitude (forward) or the norm (gradient) of what is expected, and why.</summary>
internal sealed record Tolerance(double Value, string Reason);

/// <summary>One row of the table of operation cases: how an operation is run, what it must compute, and how exactly.</summary>
/// <param name="Name">The row's name.</param>
/// <param name="Operation">The class in PixelDiT.Kernels.Operations that the row covers.</param>
/// <param name="Differentiable">The method of <see cref="Reference.Autodiff.Differentiable"/> that the row covers, or null.</param>
internal sealed record OperationCase(string Name, Type Operation, string? Differentiable = null)
{
    public required Input[] Inputs { get; init; }

    /// <summary>Runs the operation on the run's tape.</summary>
    public required Func<OperationRun, Variable> Forward { get; init; }

    /// <summary>The same in double precision, forward only.</summary>
    public required Func<OperationValues, double[]> Oracle { get; init; }

    public required Tolerance ForwardTolerance { get; init; }

    /// <summary>Null for an operation without a gradient.</summary>
    public Tolerance? GradientTolerance { get; init; }

    /// <summary>The tolerance of bfloat16 storage against float32 storage of the same values; null where the operation has no such storage.</summary>
    public Tolerance? StorageTolerance { get; init; }

    public override string ToString() => Name;

    /// <summary>Whether a CPU runs several operations for it: gradients then may lie where others lay before, and what is behind them says nothing.</summary>
    public bool UsesMemoryAgain { get; init; }

    /// <summary>The gradient fed in at the output: the same for a row whatever the device and the storage.</summary>
    public float[] Cotangent(int count)
    {
        var random = new Random(Seed("cotangent"));
        return [.. Enumerable.Range(0, count).Select(_ => ToBFloat16(random.NextDouble() * 2 - 1))];
    }

    /// <summary>The row's inputs; drawn values depend on the row's and the input's name alone.</summary>
    /// <param name="rounded">Rounds activations to bfloat16, so that either storage holds them exactly.</param>
    public OperationValues Draw(bool rounded = false) => new(Inputs.Where(input => input.Role != Role.Labels).ToDictionary(input => input.Name, input =>
    {
        var random = new Random(Seed(input.Name));
        bool rounds = rounded && input.Role == Role.Activation;
        return Enumerable.Range(0, (int)input.Shape.Count).Select(_ => rounds ? ToBFloat16(input.Draw(random)) : (float)input.Draw(random)).ToArray();
    }), Inputs);

    private int Seed(string name) => $"{Name}/{name}".Aggregate(17, (hash, letter) => unchecked((hash * 31) + letter)) & int.MaxValue;

    private static float ToBFloat16(double value) => BFloat16.ToSingle(BFloat16.FromSingle((float)value));
}

/// <summary>The drawn inputs of a row.</summary>
internal sealed class OperationValues(IReadOnlyDictionary<string, float[]> singles, Input[] inputs)
{
    private readonly Dictionary<string, double[]> _doubles = singles.ToDictionary(pair => pair.Key, pair => Array.ConvertAll(pair.Value, value => (double)value));

    /// <summary>An input as the oracle takes it.</summary>
    public double[] this[string name] => _doubles[name];

    /// <summary>An input as the operation takes it.</summary>
    public float[] Singles(string name) => singles[name];

    /// <summary>The labels of a <see cref="Role.Labels"/> input.</summary>
    public int[] Labels(string name) => inputs.Single(input => input.Name == name).Labels;

    /// <summary>Calls <paramref name="use"/> while an input is moved along a direction.</summary>
    public double Moved(string name, double[] direction, double step, Func<double> use)
    {
        double[] before = _doubles[name];
        _doubles[name] = [.. before.Zip(direction, (value, slope) => value + step * slope)];
        double result = use();
        _doubles[name] = before;
        return result;
    }
}
