using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Training;

/// <summary>The numbers of CAME. The defaults are the authors' for the text model at 512².</summary>
public sealed record CameConfig
{
    /// <summary>CAME's step size.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Decay of the mean of updates, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the means of squared gradients, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Decay of the means of squared residuals, in [0, 1).</summary>
    public double Beta3 { get; init; } = 0.9999;

    /// <summary>Added to squared gradients.</summary>
    public double Epsilon1 { get; init; } = 1e-30;

    /// <summary>Added to squared residuals.</summary>
    public double Epsilon2 { get; init; } = 1e-16;

    /// <summary>The largest root mean square of a tensor's update.</summary>
    public double UpdateClip { get; init; } = 1;

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The largest norm of all gradients together; 0 for no clipping.</summary>
    public double Clip { get; init; } = 0.2;

    /// <summary>The share of the averaged weights that a step keeps, in [0, 1); null for no average, as the released text models were trained.</summary>
    public double? EmaDecay { get; init; }

    /// <summary>Checks every number.</summary>
    /// <exception cref="ConfigurationException">One is out of its range; the message names it.</exception>
    public CameConfig Validate()
    {
        Require("lr", LearningRate, LearningRate is > 0 and <= 1, "above 0 and at most 1");
        Require("beta1", Beta1, Beta1 is >= 0 and < 1, "from 0 to below 1");
        Require("beta2", Beta2, Beta2 is >= 0 and < 1, "from 0 to below 1");
        Require("beta3", Beta3, Beta3 is >= 0 and < 1, "from 0 to below 1");
        // Below 1e-35 a moment of (1 − β₂)·ε₁ is no normal float32 any more.
        Require("eps1", Epsilon1, Epsilon1 is >= 1e-33 and <= 1, "from 1e-33 to 1");
        Require("eps2", Epsilon2, Epsilon2 is >= 1e-33 and <= 1, "from 1e-33 to 1");
        Require("update-clip", UpdateClip, UpdateClip is > 0 and <= 1e6, "above 0");
        Require("weight-decay", WeightDecay, WeightDecay is >= 0 and <= 10, "from 0 to 10");
        Require("clip", Clip, Clip is >= 0 and <= 1e6, "0 (no clipping) or above");
        if (EmaDecay is { } ema) Require("ema", ema, ema is >= 0 and < 1, "from 0 to below 1");
        return this;
    }

    private static void Require(string name, double value, bool holds, string range)
    {
        if (!holds) throw new ConfigurationException($"{name} is {value}; it must be {range}");
    }
}

/// <summary>
/// Clipping, the average and CAME for all parameters of a model. A parameter that no backward has reached is left alone whole: its value, its moments and its count of steps stay
/// (the text half of the last block has never a gradient). A gradient that is zero is a step.
/// </summary>
public sealed class CameOptimizer : IOptimizer
{
    private readonly Dictionary<Parameter, Entry> _states = [];
    private readonly Tensor _moments, _factor;
    private readonly Readback _read;

    /// <summary>Moments of zero and, where one is asked for, an average that begins as a copy of the weights.</summary>
    public CameOptimizer(ParameterSet parameters, CameConfig config)
    {
        (Parameters, Config) = (parameters, config.Validate());
        parameters.RequireGradients();
        var device = parameters.Values!.Device;
        _moments = device.Allocate([checked((int)parameters.All.Sum(parameter => Parts(parameter.Shape).Sum(part => Padded(part.Shape.Count))))]);
        _moments.Clear();
        long next = 0;
        foreach (var parameter in parameters.All)
        {
            var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
            foreach (var (name, shape) in Parts(parameter.Shape))
            {
                tensors.Add(name, _moments.Slice(next, shape));
                next += Padded(shape.Count);
            }
            _states.Add(parameter, new Entry(tensors));
        }
        if (config.EmaDecay is not null)
        {
            Average = parameters.NewLike();
            Accumulate.Forward(parameters.Values!, Average);
        }
        Norm = device.Allocate([1]);
        _read = new Readback(device, 1);
        _factor = device.Allocate([1]);
    }

    /// <summary>What is trained.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>The numbers.</summary>
    public CameConfig Config { get; }

    /// <summary>The averaged weights (EMA) in the parameters' layout; null where none is kept. They end one step behind: a step takes the average first.</summary>
    public Tensor? Average { get; }

    /// <summary>The norm of all gradients before clipping, [1], after a step.</summary>
    public Tensor Norm { get; }

    /// <summary>Steps taken, those that a single parameter sat out included.</summary>
    public long Steps { get; private set; }

    /// <inheritdoc/>
    public long Updates { get; private set; }

    /// <summary>Does nothing: a step knows at once whether its update was made.</summary>
    public void Confirm(bool isFinite)
    {
    }

    /// <inheritdoc/>
    public void Restore(long steps, long updates) => (Steps, Updates) = (steps, updates);

    /// <summary>Steps that a parameter has taken part in.</summary>
    public long StepsOf(Parameter parameter) => _states[parameter].Steps;

    /// <summary>A parameter's state under the names of the authors' checkpoints: <c>exp_avg</c>, <c>exp_avg_sq</c> or its rows and columns, <c>exp_avg_res_row</c>, <c>exp_avg_res_col</c>, <c>RMS</c>.</summary>
    public IReadOnlyDictionary<string, Tensor> StateOf(Parameter parameter) => _states[parameter].Tensors;

    /// <summary>One step from the gradients as they are.</summary>
    /// <param name="learningRate">The step size, where a schedule moves it; 0 moves the moments and no weight.</param>
    public void Step(double? learningRate = null)
    {
        // Asked first: the norm below reads all gradients together, and what no backward has written then becomes a zero.
        Parameter[] reached = [.. Parameters.All.Where(parameter => parameter.HasGradient)];
        GradientNorm.Forward(Parameters.Gradients!, Norm);
        Steps++;
        // A matrix's moments are sums over gradients in many kernels, so the host decides, and on a card waits for the norm.
        _read.Copy(0, Norm);
        if (!float.IsFinite(_read.Read()[0])) return;
        Updates++;
        ClipFactor.Forward(Norm, Config.Clip, _factor);
        if (Average is not null && Config.EmaDecay is { } decay) Combine.Forward((float)decay, Average, (float)(1 - decay), Parameters.Values!, Average);
        var numbers = new CameStep(
            learningRate ?? Config.LearningRate, Config.Beta1, Config.Beta2, Config.Beta3, Config.Epsilon1, Config.Epsilon2, Config.UpdateClip, Config.WeightDecay);
        foreach (var parameter in reached)
        {
            var entry = _states[parameter];
            Came.Step(parameter.Value, parameter.Gradient!, _factor, entry.State, numbers);
            entry.Steps++;
        }
        Parameters.MarkChanged();
    }

    /// <summary>Sets what a file holds of a parameter's count of steps.</summary>
    internal void SetSteps(Parameter parameter, long steps) => _states[parameter].Steps = steps;

    /// <summary>Frees moments and average.</summary>
    public void Dispose()
    {
        _moments.Dispose();
        Average?.Dispose();
        Norm.Dispose();
        _read.Dispose();
        _factor.Dispose();
    }

    private static (string Name, Shape Shape)[] Parts(Shape shape)
    {
        if (!Came.IsFactored(shape)) return [(StateNames.Mean, shape), (StateNames.Second, shape), (StateNames.Rms, [])];
        var (rows, columns) = Came.Matrix(shape);
        return
        [
            (StateNames.Mean, shape), (StateNames.Rows, [rows]), (StateNames.Columns, [columns]), (StateNames.ResidualRows, [rows]), (StateNames.ResidualColumns, [columns]), (StateNames.Rms, [])
        ];
    }

    // As in a parameter set: slices begin at multiples of 64 elements.
    private static long Padded(long count) => (count + 63) / 64 * 64;

    private static class StateNames
    {
        public const string Mean = "exp_avg", Second = "exp_avg_sq", Rows = "exp_avg_sq_row", Columns = "exp_avg_sq_col";
        public const string ResidualRows = "exp_avg_res_row", ResidualColumns = "exp_avg_res_col", Rms = "RMS";
    }

    private sealed class Entry(IReadOnlyDictionary<string, Tensor> tensors)
    {
        public IReadOnlyDictionary<string, Tensor> Tensors { get; } = tensors;

        public CameState State { get; } = new(tensors[StateNames.Mean], tensors[StateNames.Rms])
        {
            Second = tensors.GetValueOrDefault(StateNames.Second),
            Factors = tensors.ContainsKey(StateNames.Rows)
                ? new CameFactors(tensors[StateNames.Rows], tensors[StateNames.Columns], tensors[StateNames.ResidualRows], tensors[StateNames.ResidualColumns])
                : null
        };

        public long Steps { get; set; }
    }
}
