using System.Runtime.InteropServices;
using PixelDiT.Kernels;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Measuring.Distributions;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Evaluating;

/// <summary>Runs pictures through the network and gathers what measures need: statistics as they come, features and scores only where they are asked for.</summary>
/// <param name="network">The network.</param>
/// <param name="route">The way in.</param>
/// <param name="threads">Threads, or −1 for one a core; the results do not depend on it.</param>
public sealed class FeatureExtraction(InceptionNetwork network, InceptionRoute route, int threads = -1)
{
    /// <summary>The most features or scores that one array holds: 2³¹ bytes of features are 262,000 pictures.</summary>
    public const int MostKept = 100_000;

    // What a rank that was stopped gives: no features are of this length.
    private static readonly byte[] s_stopped = [0];

    /// <summary>Pictures at a time; the features do not depend on it.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>Processes that share the pictures; null for one. Rank 0 gathers, in the order of the pictures, so that its results have the bits of one process; the others call <see cref="Serve"/>.</summary>
    public ICommunicator? Ranks { get; init; }

    /// <summary>Goes over a set once.</summary>
    /// <param name="set">The pictures.</param>
    /// <param name="most">The most that are read.</param>
    /// <param name="keepFeatures">Whether the pool of every picture is wanted.</param>
    /// <param name="keepScores">Whether the scores of every picture are.</param>
    /// <param name="report">Told after every batch how many are done.</param>
    /// <param name="cancel">Ends the work after a batch.</param>
    /// <exception cref="DataException">There are fewer than two pictures.</exception>
    /// <exception cref="NotFiniteException">A feature is infinite or no number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public SetStatistics Run(IImageSet set, long most, bool keepFeatures, bool keepScores, Action<long>? report = null, CancellationToken cancel = default)
    {
        FeatureStatistics pool = new(InceptionFeatures.PoolWidth, threads), spatial = new(InceptionFeatures.SpatialWidth, threads);
        List<float[]>? features = keepFeatures ? [] : null, scores = keepScores ? [] : null;
        foreach (var found in Ranks is null ? Own(set, most, cancel) : Shared(Ranks, set, most, cancel))
        {
            pool.Add(found.Pool);
            spatial.Add(found.Spatial);
            features?.Add(found.Pool);
            scores?.Add(found.Scores);
            report?.Invoke(pool.Count);
        }
        if (pool.Count < 2) throw new DataException($"{set.Name}: {(pool.Count == 0 ? "no picture" : "one picture")} could be read; at least 2 were expected{(set.LeftOut is [var first, ..] ? $"; {first}" : "")}");
        return new SetStatistics(pool.Count, route, pool.Result(), spatial.Result()) { Features = Joined(features), Scores = Joined(scores), Origin = "pictures" };
    }

    /// <summary>Computes the share of a rank that is not the first; the features go to rank 0.</summary>
    /// <inheritdoc cref="Run"/>
    public void Serve(IImageSet set, long most, CancellationToken cancel)
    {
        foreach (var _ in Shared(Ranks!, set, most, cancel))
        {
            // Rank 0 has them too, and gathers them.
        }
    }

    private IEnumerable<InceptionFeatures> Own(IImageSet set, long most, CancellationToken cancel)
    {
        foreach (var pictures in ImageSets.First(set.Read(cancel), most).Chunk(Batch))
        {
            cancel.ThrowIfCancellationRequested();
            yield return Extract(pictures);
        }
    }

    /// <summary>In every round each rank computes a piece, and all have what all have found.</summary>
    private IEnumerable<InceptionFeatures> Shared(ICommunicator ranks, IImageSet set, long most, CancellationToken cancel)
    {
        using var pieces = set.ReadPart(most, Batch, ranks.Rank, ranks.Size, cancel).GetEnumerator();
        while (true)
        {
            byte[] own = [];
            int given = 0;
            try
            {
                for (; given < ranks.Size && pieces.MoveNext(); given++)
                {
                    cancel.ThrowIfCancellationRequested();
                    if (pieces.Current is { } pictures) own = Bytes(pictures.Chunk(Batch).Select(Extract));
                }
            }
            catch (OperationCanceledException)
            {
                own = s_stopped;
            }
            // Every rank comes here once more after the last piece, so that one that is stopped there is heard too.
            byte[][] all = ranks.Gather(own);
            if (all.Any(bytes => bytes.Length == s_stopped.Length)) throw new OperationCanceledException(cancel);
            if (given == 0) yield break;
            foreach (byte[] bytes in all.Take(given)) yield return FromBytes(bytes);
        }
    }

    private InceptionFeatures Extract(SetPicture[] pictures) => network.Extract([.. pictures.Select(picture => picture.Picture)], route, threads);

    private static byte[] Bytes(IEnumerable<InceptionFeatures> parts)
    {
        InceptionFeatures[] found = [.. parts];
        float[] line = [.. found.SelectMany(part => part.Pool), .. found.SelectMany(part => part.Spatial), .. found.SelectMany(part => part.Scores)];
        return MemoryMarshal.AsBytes<float>(line).ToArray();
    }

    private static InceptionFeatures FromBytes(byte[] bytes)
    {
        var line = MemoryMarshal.Cast<byte, float>(bytes);
        int count = line.Length / (InceptionFeatures.PoolWidth + InceptionFeatures.SpatialWidth + InceptionFeatures.ScoreWidth), pool = count * InceptionFeatures.PoolWidth, spatial = count * InceptionFeatures.SpatialWidth;
        return new InceptionFeatures(line[..pool].ToArray(), line.Slice(pool, spatial).ToArray(), line[(pool + spatial)..].ToArray());
    }

    private static float[]? Joined(List<float[]>? parts)
    {
        if (parts is null) return null;
        float[] whole = new float[parts.Sum(part => part.LongLength)];
        long at = 0;
        foreach (float[] part in parts)
        {
            part.CopyTo(whole.AsSpan((int)at));
            at += part.Length;
        }
        return whole;
    }
}
