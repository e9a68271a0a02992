using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Training;

/// <summary>The optimiser's numbers (SPEC §4). The defaults are the authors' for ImageNet at 256², but for the average's quick beginning.</summary>
public sealed record OptimizerConfig
{
    /// <summary>AdamW's step size.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Decay of the mean of gradients, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the mean of squared gradients, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added after the root.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The largest norm of all gradients together; 0 for no clipping.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>The share of the averaged weights that a step keeps, in [0, 1).</summary>
    public double EmaDecay { get; init; } = 0.9999;

    /// <summary>
    /// Whether the average begins quickly, with decay min(decay, (1 + n)/(10 + n)) at step n: 0.9999 over 2,000 steps would keep 82 % of the initial weights.
    /// </summary>
    public bool EmaWarmup { get; init; } = true;

    /// <summary>Checks every number.</summary>
    /// <exception cref="ConfigurationException">One is out of its range; the message names it.</exception>
    public OptimizerConfig Validate()
    {
        Require("lr", LearningRate, LearningRate is > 0 and <= 1, "above 0 and at most 1");
        Require("beta1", Beta1, Beta1 is >= 0 and < 1, "from 0 to below 1");
        Require("beta2", Beta2, Beta2 is >= 0 and < 1, "from 0 to below 1");
        Require("eps", Epsilon, Epsilon is > 0 and <= 1, "above 0 and at most 1");
        Require("weight-decay", WeightDecay, WeightDecay is >= 0 and <= 10, "from 0 to 10");
        Require("clip", Clip, Clip is >= 0 and <= 1e6, "0 (no clipping) or above");
        Require("ema", EmaDecay, EmaDecay is >= 0 and < 1, "from 0 to below 1");
        return this;
    }

    private static void Require(string name, double value, bool holds, string range)
    {
        if (!holds) throw new ConfigurationException($"{name} is {value}; it must be {range}");
    }
}

/// <summary>Clipping, AdamW and the average of the weights, wherever the two moments and the average of each parameter lie: what its steps count, and the numbers of the next.</summary>
public abstract class MomentOptimizer : IOptimizer
{
    private readonly ParameterSet _parameters;
    // Of the step in hand, and of the one before, whose figures a host that is ahead of its device has not read.
    private readonly Tensor[] _norms;
    private long _confirmed;
    private int _unconfirmed;

    /// <summary>No steps yet.</summary>
    private protected MomentOptimizer(ParameterSet parameters, OptimizerConfig config)
    {
        (_parameters, Config) = (parameters, config.Validate());
        parameters.RequireGradients();
        var device = parameters.Values!.Device;
        _norms = [device.Allocate([1]), device.Allocate([1])];
    }

    /// <summary>The numbers.</summary>
    public OptimizerConfig Config { get; }

    /// <summary>The mean of gradients, in the parameters' layout.</summary>
    public abstract Tensor First { get; }

    /// <summary>The mean of squared gradients, in the parameters' layout.</summary>
    public abstract Tensor Second { get; }

    /// <summary>The averaged weights, in the parameters' layout.</summary>
    public abstract Tensor Average { get; }

    Tensor? IOptimizer.Average => Average;

    /// <summary>The norm of all gradients before clipping, [1], after a step.</summary>
    public Tensor Norm => _norms[Steps % 2];

    /// <summary>Steps taken.</summary>
    public long Steps { get; private set; }

    /// <summary>Updates made, those taken for made whose norm has not been read included; AdamW's bias corrections count them.</summary>
    public long Updates => _confirmed + _unconfirmed;

    /// <summary>The share of the average that step <paramref name="step"/> (from 0) keeps.</summary>
    public double DecayAt(long step) => Config.EmaWarmup ? Math.Min(Config.EmaDecay, (1.0 + step) / (10.0 + step)) : Config.EmaDecay;

    /// <summary>One step from the gradients as they are.</summary>
    /// <param name="learningRate">The step size, where a schedule moves it.</param>
    public void Step(double? learningRate = null)
    {
        var before = _unconfirmed > 0 ? Norm : null;
        double decay = DecayAt(Steps);
        Steps++;
        Update(new AdamWStep(learningRate ?? Config.LearningRate, Config.Beta1, Config.Beta2, Config.Epsilon, Config.WeightDecay, Config.Clip, decay, Updates + 1), before);
        _unconfirmed++;
        _parameters.MarkChanged();
    }

    /// <inheritdoc/>
    public void Confirm(bool isFinite)
    {
        _unconfirmed--;
        if (isFinite) _confirmed++;
    }

    /// <inheritdoc/>
    public void Restore(long steps, long updates) => (Steps, _confirmed, _unconfirmed) = (steps, updates, 0);

    /// <summary>Frees all.</summary>
    public virtual void Dispose()
    {
        foreach (var norm in _norms) norm.Dispose();
    }

    /// <summary>Computes <see cref="Norm"/> and makes the update.</summary>
    /// <param name="numbers">The numbers of the step.</param>
    /// <param name="normBefore">‖g‖ [1] of the step before, where the host does not know it yet; else null.</param>
    private protected abstract void Update(AdamWStep numbers, Tensor? normBefore);
}

/// <summary>Clipping, AdamW and the average of the weights for all parameters of a model.</summary>
public sealed class Optimizer : MomentOptimizer
{
    private readonly ParameterSet _parameters;

    /// <summary>Moments of zero, and an average that begins as a copy of the weights.</summary>
    public Optimizer(ParameterSet parameters, OptimizerConfig config) : base(parameters, config)
    {
        _parameters = parameters;
        First = parameters.NewLike();
        Second = parameters.NewLike();
        Average = parameters.NewLike();
        Accumulate.Forward(parameters.Values!, Average);
    }

    /// <inheritdoc/>
    public override Tensor First { get; }

    /// <inheritdoc/>
    public override Tensor Second { get; }

    /// <inheritdoc/>
    public override Tensor Average { get; }

    /// <summary>Frees moments and average.</summary>
    public override void Dispose()
    {
        First.Dispose();
        Second.Dispose();
        Average.Dispose();
        base.Dispose();
    }

    private protected override void Update(AdamWStep numbers, Tensor? normBefore)
    {
        GradientNorm.Forward(_parameters.Gradients!, Norm);
        AdamW.Step(_parameters.Values!, _parameters.Gradients!, First, Second, Average, Norm, numbers, normBefore);
    }
}
