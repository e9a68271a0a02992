using PixelDiT.Kernels;

namespace PixelDiT.Reference.Training;

/// <summary>How a learning rate moves after its warm-up.</summary>
public enum ScheduleShape
{
    /// <summary>It stays.</summary>
    Constant,

    /// <summary>It falls to zero along half a cosine.</summary>
    Cosine,

    /// <summary>It falls along half a cosine until two thirds of the run, then stays.</summary>
    CosineToConstant
}

/// <summary>
/// The text trainer's learning rate, as the authors' program counts: every process advances the schedule once a step, so with W processes step i stands at n = W·i, and the warm-up is given W times
/// as many. The length N of the run is not, so with several processes a cosine ends early, and rises again if the run goes on. The first step of a warm-up has rate 0; moments still move.
/// </summary>
public sealed record LearningRateSchedule
{
    /// <summary>The rate that the schedule scales.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The shape after the warm-up.</summary>
    public ScheduleShape Shape { get; init; }

    /// <summary>Steps over which the rate rises from zero.</summary>
    public int Warmup { get; init; }

    /// <summary>W, processes.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>N, batches of a process in the whole run; only cosines ask.</summary>
    public long Length { get; init; }

    /// <summary>What the rate of <see cref="ScheduleShape.CosineToConstant"/> is divided by at its end, at least 1.</summary>
    public double ScaleRatio { get; init; } = 1;

    /// <summary>The share of the run over which <see cref="ScheduleShape.CosineToConstant"/> falls.</summary>
    private const double FallingShare = 0.667;

    /// <summary>lr · √(effective batch / 256): the rule that the authors' recipes apply unless told otherwise.</summary>
    /// <param name="learningRate">The rate at a batch of 256.</param>
    /// <param name="effectiveBatch">Images of a step: batch · processes · accumulation.</param>
    public static double SquareRootScaled(double learningRate, long effectiveBatch) => learningRate * Math.Sqrt(effectiveBatch / BaseBatch);

    /// <summary>lr · effective batch / 256.</summary>
    /// <inheritdoc cref="SquareRootScaled"/>
    public static double LinearlyScaled(double learningRate, long effectiveBatch) => learningRate * (effectiveBatch / BaseBatch);

    private const double BaseBatch = 256;

    /// <summary>Checks every number.</summary>
    /// <exception cref="ConfigurationException">One is out of its range; the message names it.</exception>
    public LearningRateSchedule Validate()
    {
        Require("lr", LearningRate, LearningRate is > 0 and <= 1, "above 0 and at most 1");
        Require("warmup", Warmup, Warmup >= 0, "0 or above");
        Require("processes", Processes, Processes is >= 1 and <= 1_000_000, "from 1 to 1000000");
        Require("length", Length, Length >= 0, "0 or above");
        Require("scale-ratio", ScaleRatio, double.IsFinite(ScaleRatio) && ScaleRatio >= 1, "1 or above");
        return this;
    }

    /// <summary>The learning rate of an optimiser step, from 0.</summary>
    public double At(long step)
    {
        long n = step * Processes, warmup = (long)Warmup * Processes;
        if (n < warmup) return LearningRate * ((double)n / warmup);
        long end = Shape == ScheduleShape.CosineToConstant ? (long)(FallingShare * Length) : Length;
        return LearningRate * Shape switch
        {
            ScheduleShape.Constant => 1,
            ScheduleShape.Cosine => Math.Max(0, HalfCosine(n, warmup, end)),
            _ => n > end ? 1 / ScaleRatio : (HalfCosine(n, warmup, end) * (1 - (1 / ScaleRatio))) + (1 / ScaleRatio)
        };
    }

    private static double HalfCosine(long n, long warmup, long end) => 0.5 * (1 + Math.Cos(Math.PI * ((double)(n - warmup) / Math.Max(1, end - warmup))));

    private static void Require(string name, double value, bool holds, string range)
    {
        if (!holds) throw new ConfigurationException($"{name} is {value}; it must be {range}");
    }
}
