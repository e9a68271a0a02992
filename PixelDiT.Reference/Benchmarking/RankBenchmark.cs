using System.Diagnostics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Ranks;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>What training by several ranks costs, as rank 0 measured it.</summary>
/// <param name="Ranks">How many there are.</param>
/// <param name="Images">Of a rank in a step.</param>
/// <param name="Step">A training step of all together.</param>
/// <param name="Alone">One of rank 0 alone with as many images as its share, while the others wait.</param>
/// <param name="Communication">The exchange of a step by itself, with nothing to hide it.</param>
/// <param name="Waited">What rank 0 waited in a step for others and for numbers on their way.</param>
/// <param name="Bytes">What a rank sends in a step.</param>
/// <param name="EarlyBuckets">Buckets that left while the backward ran.</param>
/// <param name="Buckets">All buckets.</param>
internal sealed record RankTimes(int Ranks, int Images, Timing Step, Timing Alone, Timing Communication, Timing Waited, long Bytes, int EarlyBuckets, int Buckets)
{
    /// <summary>The images a second of all ranks over those of as many ranks that need not wait for each other.</summary>
    public double Efficiency => Alone.Median / Step.Median;

    /// <summary>The share of the exchange that took place behind other work; 0 where ranks waited longer than it takes.</summary>
    public double Hidden => Math.Max(0, 1 - (Waited.Median / Communication.Median));
}

/// <summary>Times training steps of several ranks with random weights and inputs.</summary>
internal static class RankBenchmark
{
    /// <summary>Runs it; every rank calls it.</summary>
    /// <param name="config">The model.</param>
    /// <param name="device">Where this rank computes.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="batch">Images a step of all ranks, which divide it.</param>
    /// <param name="size">The size of the images.</param>
    /// <param name="repeat">Runs of which the median is taken.</param>
    /// <param name="isSharded">Whether the optimiser's state is dealt out.</param>
    /// <param name="precision">What products round to.</param>
    /// <exception cref="Kernels.ConfigurationException">A number is out of range, or the ranks do not divide the batch.</exception>
    public static RankTimes Run(ModelConfig config, Device device, ICommunicator ranks, int batch, ImageSize size, int repeat, bool isSharded, Precision precision = Precision.Single)
    {
        Benchmark.RequireBatch(batch);
        Repeated.RequireCount(repeat);
        if (batch % ranks.Size != 0) throw new Kernels.ConfigurationException($"batch is {batch}, and {ranks.Size} ranks share it; a multiple of {ranks.Size} was expected");
        if (ranks is not IExchange exchange) throw new Kernels.ConfigurationException($"--distributed times ranks over MPI, and these are over {ranks.Description}");
        var share = new BatchShare(batch, ranks.Size, ranks.Rank, ranks.Size);
        using var model = PixelTransformer.Create(config, device);
        model.Precision = precision;
        model.RequireDivides(size.Height, size.Width);
        Initialization.Draw(model, 1);
        using var inputs = new BenchmarkInputs(config, device, share.Images, size);

        List<double> alone = [], together = [], waited = [], exchanged = [];
        using (var optimizer = new Optimizer(model.Parameters, new OptimizerConfig()))
        {
            if (ranks.Rank == 0) Time(repeat, alone, () => Step(optimizer, null));
            ranks.Gather([]);
        }
        using var sum = new RankSum(model.Parameters, share, ranks, exchange) { IsSharded = isSharded };
        using IOptimizer shared = isSharded ? new ShardedOptimizer(model.Parameters, new OptimizerConfig(), sum.Buckets, ranks, exchange) : new Optimizer(model.Parameters, new OptimizerConfig());
        for (int i = -WarmUps; i < repeat; i++)
        {
            ranks.Gather([]);
            var before = sum.Waited;
            Time(1, i < 0 ? [] : together, () => Step(shared, sum), warmUps: 0);
            if (i >= 0) waited.Add((sum.Waited - before).TotalMilliseconds);
        }
        int early = sum.EarlyBuckets;
        for (int i = -WarmUps; i < repeat; i++)
        {
            ranks.Gather([]);
            Time(1, i < 0 ? [] : exchanged, () => sum.Rehearse(inputs.Figures), warmUps: 0);
        }
        long bytes = 2 * model.Parameters.Length * sizeof(float) * (ranks.Size - 1) / ranks.Size;
        return new RankTimes(ranks.Size, share.Images, Timing.Of(together), Timing.Of(ranks.Rank == 0 ? alone : [1]), Timing.Of(exchanged), Timing.Of(waited), bytes, early, sum.Buckets.Count);

        void Step(IOptimizer optimizer, GradientSum? gradients)
        {
            inputs.Step(model, optimizer, gradients);
            optimizer.Confirm(isFinite: true);
        }
    }

    private const int WarmUps = 3;

    private static void Time(int repeat, List<double> times, Action run, int warmUps = WarmUps)
    {
        for (int i = -warmUps; i < repeat; i++)
        {
            long began = Stopwatch.GetTimestamp();
            run();
            if (i >= 0) times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }
    }
}
