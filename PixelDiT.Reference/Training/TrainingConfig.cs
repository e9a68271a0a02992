using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Layers;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training.Alignment;

namespace PixelDiT.Reference.Training;

/// <summary>How the learning rate moves after the warm-up.</summary>
public enum LearningRateDecay
{
    /// <summary>It stays.</summary>
    Constant,

    /// <summary>It falls to zero along half a cosine.</summary>
    Cosine,

    /// <summary>It is multiplied by a factor at epochs that are given.</summary>
    Step
}

/// <summary>The settings of a training run (SPEC §4). Immutable.</summary>
public sealed record TrainingConfig
{
    /// <summary>Images a step.</summary>
    public int Batch { get; init; } = 32;

    /// <summary>Parts in which a batch is trained, one after the other, so that only a part's activations are in memory; divides the batch.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>Whether blocks are run again in the backward instead of keeping their activations: less memory, about a quarter more time, the same bits.</summary>
    public bool CheckpointActivations { get; init; }

    /// <summary>Steps in all.</summary>
    public int Steps { get; init; } = 10_000;

    /// <summary>The size of the images; not looked at where the data has sizes of its own.</summary>
    public ImageSize Size { get; init; } = 32;

    /// <summary>The share of images that are trained without their condition, in [0, 1]: the null class for the class, the empty text for the caption.</summary>
    public double ConditionDrop { get; init; } = 0.1;

    /// <summary>Whether half of a class model's images, chosen anew in every epoch, are mirrored left to right.</summary>
    public bool Flip { get; init; }

    /// <summary>s of the time shift t / (t + (1 − t)·s): 1 at 256², 3 at 512²; of a text model, whose σ is 1 − t, 3 at 512² and 4 at 1024².</summary>
    public double TimeShift { get; init; } = 1;

    /// <summary>Steps over which the learning rate rises from zero.</summary>
    public int Warmup { get; init; }

    /// <summary>How the learning rate moves after the warm-up.</summary>
    public LearningRateDecay Decay { get; init; }

    /// <summary>The epochs, in rising order, at each of which <see cref="LearningRateDecay.Step"/> multiplies the learning rate by <see cref="DecayFactor"/>. The paper: 160.</summary>
    public IReadOnlyList<double> DecayEpochs { get; init; } = [];

    /// <summary>What <see cref="LearningRateDecay.Step"/> multiplies the learning rate by. The paper: 0.1, from 1e-4 to 1e-5.</summary>
    public double DecayFactor { get; init; } = 0.1;

    /// <summary>The seed of initialisation, order of images and noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>How many steps in a row may have gradients that are not finite; one more stops the run.</summary>
    public int SkipLimit { get; init; } = 10;

    /// <summary>Patterns of the names of parameters that stay as they are, * for any text.</summary>
    public IReadOnlyList<string> Freeze { get; init; } = [];

    /// <summary>Whether each of several processes keeps the optimiser's state of a part of the parameters only, and updates that part; the bits are the same. Nothing for one process.</summary>
    public bool ShardOptimizer { get; init; }

    /// <summary>What products round their operands to; parameters, gradients of parameters and the optimiser stay float32.</summary>
    public Precision Precision { get; init; }

    /// <summary>AdamW's numbers, and those of the average.</summary>
    public OptimizerConfig Optimizer { get; init; } = new();

    /// <summary>CAME's numbers; null for AdamW.</summary>
    public CameConfig? Came { get; init; }

    /// <summary>Representation alignment (REPA); null for none.</summary>
    public AlignmentConfig? Alignment { get; init; }

    /// <summary>What is trained beside a model for the alignment; null for nothing.</summary>
    /// <param name="sizes">The model.</param>
    /// <param name="width">The teacher's width.</param>
    internal ProjectorSizes? ProjectorOf(ModelConfig sizes, int? width)
        => Alignment is { } alignment && width is { } channels ? new ProjectorSizes(sizes.IsText ? ProjectorSizes.OfText : ProjectorSizes.OfClasses, alignment.Block, alignment.Inner, channels) : null;

    /// <summary>Checks every number.</summary>
    /// <exception cref="ConfigurationException">One is out of its range; the message names it.</exception>
    public TrainingConfig Validate()
    {
        Require("batch", Batch, Batch is >= 1 and <= 65536, "from 1 to 65536");
        Require("accumulate", Accumulate, Accumulate >= 1 && Batch % Accumulate == 0, $"1 or above and divide the batch, {Batch}");
        Require("steps", Steps, Steps is >= 1 and <= 100_000_000, "from 1 to 100000000");
        foreach (var (name, side) in Size.IsSquare ? (ReadOnlySpan<(string, int)>)[("resolution", Size.Height)] : [("height", Size.Height), ("width", Size.Width)]) Require(name, side, side is >= 1 and <= ImageSize.LargestSide, $"from 1 to {ImageSize.LargestSide}");
        Require("class-drop", ConditionDrop, ConditionDrop is >= 0 and <= 1, "from 0 to 1");
        Require("time-shift", TimeShift, TimeShift is >= 0.01 and <= 100, "from 0.01 to 100, where 1 is none");
        Require("skip-limit", SkipLimit, SkipLimit is >= 0 and <= 1_000_000, "from 0 to 1000000");
        Require("warmup", Warmup, Warmup >= 0, "0 or above");
        if (Decay == LearningRateDecay.Step)
        {
            if (DecayEpochs.Count == 0) throw new ConfigurationException("lr-decay is step, and no epoch is said; lr-decay-epochs was expected");
            double before = 0;
            foreach (double epoch in DecayEpochs)
            {
                if (!(epoch > before) || epoch > 1e9) throw new ConfigurationException($"lr-decay-epochs is {string.Join(", ", DecayEpochs.Select(value => value.ToString(CultureInfo.InvariantCulture)))}; numbers above 0 in rising order were expected");
                before = epoch;
            }
            Require("lr-decay-factor", DecayFactor, DecayFactor is > 0 and < 1, "above 0 and below 1");
        }
        if (ShardOptimizer && Came is not null) throw new ConfigurationException("shard-optimizer and optimizer came exclude each other: CAME's means go over whole matrices, which parts of ranks cut; adamw was expected");
        if (ShardOptimizer && Freeze.Count > 0) throw new ConfigurationException("shard-optimizer and freeze exclude each other; one of them was expected");
        Optimizer.Validate();
        Came?.Validate();
        Alignment?.Validate();
        return this;
    }

    /// <summary>The learning rate that a schedule scales: that of the optimiser which trains.</summary>
    internal double LearningRate => Came?.LearningRate ?? Optimizer.LearningRate;

    /// <summary>What a step's learning rate is multiplied by where it falls at epochs: the factor for each epoch that has begun.</summary>
    /// <param name="epoch">Epochs behind the step.</param>
    internal double StepFactorAt(double epoch) => Decay == LearningRateDecay.Step ? Math.Pow(DecayFactor, DecayEpochs.Count(begin => begin <= epoch)) : 1;

    /// <summary>The learning rate of a step, from 0, without what epochs take of it.</summary>
    public double LearningRateAt(long step)
    {
        double rate = LearningRate;
        if (step < Warmup) return rate * (step + 1) / Warmup;
        if (Decay != LearningRateDecay.Cosine) return rate;
        double done = (double)(step - Warmup) / Math.Max(1, Steps - Warmup);
        return rate * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(1, done)));
    }

    /// <summary>The optimiser that trains.</summary>
    internal IOptimizer CreateOptimizer(ParameterSet parameters) => Came is { } came ? new CameOptimizer(parameters, came) : new Optimizer(parameters, Optimizer);

    private static void Require(string name, double value, bool holds, string range)
    {
        if (!holds) throw new ConfigurationException($"{name} is {value}; it must be {range}");
    }
}
