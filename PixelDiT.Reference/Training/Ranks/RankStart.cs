using System.Globalization;
using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>What ranks settle before they train, and see to while they do: that all train the same, from the same state.</summary>
internal static class RankStart
{
    /// <summary>Steps between two comparisons of the weights.</summary>
    public const int CompareEvery = 100;

    /// <summary>Does what may fail on one rank and not on another. Where it fails anywhere, all ranks leave in good order and fail; the lowest of those that have the same reason says it.</summary>
    /// <param name="ranks">The ranks; null for one process, which just does it.</param>
    /// <param name="work">What is to be done.</param>
    /// <exception cref="PixelDiTException">It failed here.</exception>
    /// <exception cref="DistributedException">It failed elsewhere.</exception>
    public static T Agree<T>(ICommunicator? ranks, Func<T> work) where T : IDisposable
    {
        if (ranks is null) return work();
        T? result = default;
        Exception? failure = null;
        try
        {
            result = work();
        }
        catch (Exception error) when (error is PixelDiTException or OperationCanceledException)
        {
            failure = error;
        }
        string[] reasons = Texts(ranks, failure?.Message ?? "");
        if (reasons.All(reason => reason.Length == 0)) return result!;
        result?.Dispose();
        ranks.Leave();
        int first = Array.FindIndex(reasons, reason => reason.Length > 0 && (failure is null || reason == failure.Message));
        if (failure is not null && first == ranks.Rank) throw failure;
        throw new DistributedException($"rank {first}: {reasons[first]}", failure, isSaidElsewhere: true);
    }

    /// <summary>Does the work of a rank, after which all leave in good order, also where they were cancelled. What else it throws ends the others.</summary>
    /// <param name="ranks">The ranks; null for one process.</param>
    /// <param name="work">The work.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void LeaveAfter(ICommunicator? ranks, Action work)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException)
        {
            ranks?.Leave();
            throw;
        }
        ranks?.Leave();
    }

    /// <summary>A seed that each rank has drawn becomes that of rank 0.</summary>
    public static ulong SeedOf(ICommunicator? ranks, ulong seed, bool isDrawn)
    {
        if (ranks is null) return seed;
        string[] seeds = Texts(ranks, isDrawn ? seed.ToString(CultureInfo.InvariantCulture) : "");
        return seeds.All(drawn => drawn.Length > 0) ? ulong.Parse(seeds[0], CultureInfo.InvariantCulture) : seed;
    }

    /// <summary>Checks that all ranks are one program with one configuration and one listing of the data; where one differs, all leave in good order.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="config">The run's settings.</param>
    /// <param name="data">What it is trained on.</param>
    /// <exception cref="DistributedException">One differs; the message names the rank and what is different there.</exception>
    public static void RequireSame(ICommunicator ranks, ModelConfig sizes, TrainingConfig config, TrainingData data)
    {
        var own = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["steps"] = config.Steps.ToString(CultureInfo.InvariantCulture),
            ["skip-limit"] = config.SkipLimit.ToString(CultureInfo.InvariantCulture),
            ["shard-optimizer"] = config.ShardOptimizer ? "true" : "false"
        };
        foreach (var (key, value) in RunIdentity.Metadata(sizes, config, data)) Flatten(key, value, own);
        RequireSame(ranks, "train", own);
    }

    /// <summary>Checks that all ranks are one program with one set of settings; where one differs, all leave in good order.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="verb">What they are to do.</param>
    /// <param name="settings">What must be the same, under names for a person.</param>
    /// <exception cref="DistributedException">One differs; the message names the rank and what is different there.</exception>
    public static void RequireSame(ICommunicator ranks, string verb, Dictionary<string, string> settings)
    {
        var own = new Dictionary<string, string>(settings, StringComparer.Ordinal) { ["the program"] = $"pixeldit {typeof(RankStart).Assembly.GetName().Version?.ToString(3)}, build {typeof(RankStart).Assembly.ManifestModule.ModuleVersionId:N}" };
        string[] all = Texts(ranks, JsonSerializer.Serialize(own));
        var first = JsonSerializer.Deserialize<Dictionary<string, string>>(all[0])!;
        for (int rank = 1; rank < all.Length; rank++)
        {
            var there = JsonSerializer.Deserialize<Dictionary<string, string>>(all[rank])!;
            string[] differences = [.. first.Keys.Union(there.Keys).Where(key => first.GetValueOrDefault(key) != there.GetValueOrDefault(key)).Select(key => $"{key} is {Said(there, key)} there and {Said(first, key)} on rank 0")];
            if (differences.Length == 0) continue;
            // Each rank sees it, and rank 0 says it.
            ranks.Leave();
            throw new DistributedException(
                $"rank {rank} is to {verb} something else than rank 0: {string.Join("; ", differences.Take(4))}; one command with the same files on all machines was expected", isSaidElsewhere: ranks.Rank > 0);
        }

        static string Said(Dictionary<string, string> values, string key) => values.TryGetValue(key, out string? value) ? Quote.Text(value) : "nothing";
    }

    /// <summary>Gives all ranks the state of rank 0.</summary>
    public static void Share(ICommunicator ranks, Trainer trainer, TrainingData data)
    {
        var optimizer = trainer.Optimizer;
        long[] own = optimizer is CameOptimizer came ? [optimizer.Steps, optimizer.Updates, .. came.Parameters.All.Select(came.StepsOf)] : [optimizer.Steps, optimizer.Updates];
        var counts = JsonSerializer.Deserialize<long[]>(Texts(ranks, JsonSerializer.Serialize(own))[0])!;
        optimizer.Restore(counts[0], counts[1]);
        if (optimizer is CameOptimizer receiving)
        {
            foreach (var (index, parameter) in receiving.Parameters.All.Index()) receiving.SetSteps(parameter, counts[2 + index]);
        }
        if (optimizer is ShardedOptimizer sharded)
        {
            var values = trainer.Model.Parameters.Values!;
            Broadcast(ranks, values);
            sharded.Scatter();
        }
        else
        {
            foreach (var (_, place) in Checkpoint.StateOf(trainer, data).Tensors) Broadcast(ranks, place);
        }
        trainer.Model.Parameters.MarkChanged();
        trainer.NoteRestored();
        ranks.NoteStep(counts[0]);
    }

    /// <summary>Whether any rank says so.</summary>
    internal static bool Any(ICommunicator ranks, bool own) => ranks.Gather([own ? (byte)1 : (byte)0]).Any(said => said[0] != 0);

    /// <summary>Notes a step, and now and then holds the weights of all ranks against each other.</summary>
    /// <exception cref="DistributedException">They differ.</exception>
    internal static void AfterStep(ICommunicator ranks, Trainer trainer)
    {
        long step = trainer.Optimizer.Steps;
        ranks.NoteStep(step);
        if (step % CompareEvery != 0 && step < trainer.Config.Steps) return;
        string[] hashes = Texts(ranks, WeightHash.Of(trainer.Model));
        int other = Array.FindIndex(hashes, hash => hash != hashes[0]);
        if (other < 0) return;
        throw new DistributedException(
            $"the weights of rank {other} are not those of rank 0 after step {step}: their hashes are {hashes[other][..12]} and {hashes[0][..12]}; a machine or a library computes something else. The last checkpoint is as it was",
            isSaidElsewhere: ranks.Rank > 0);
    }

    /// <summary>Rank 0's numbers of a tensor for all, over host memory where it is a card's.</summary>
    private static unsafe void Broadcast(ICommunicator ranks, Tensor tensor)
    {
        if (tensor.Device.Kind != DeviceKind.Cuda)
        {
            ranks.Broadcast(tensor.Address, tensor.Count);
            return;
        }
        float[] values = tensor.ToArray();
        fixed (float* start = values) ranks.Broadcast((long)start, values.Length);
        tensor.Upload(values);
    }

    private static string[] Texts(ICommunicator ranks, string own) => [.. ranks.Gather(Encoding.UTF8.GetBytes(own)).Select(Encoding.UTF8.GetString)];

    /// <summary>The fields of a JSON object under their names; anything else under its own.</summary>
    private static void Flatten(string key, string text, Dictionary<string, string> values)
    {
        using var json = JsonDocument.Parse(text);
        Add(key, json.RootElement);

        void Add(string name, JsonElement element)
        {
            if (element.ValueKind != JsonValueKind.Object)
            {
                values[name] = element.ToString();
                return;
            }
            foreach (var field in element.EnumerateObject()) Add(name == "training" ? field.Name : $"{name}.{field.Name}", field.Value);
        }
    }
}
