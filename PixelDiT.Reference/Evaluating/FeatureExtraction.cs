using PixelDiT.Kernels;
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

    /// <summary>Pictures at a time; the features do not depend on it.</summary>
    public int Batch { get; init; } = 16;

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
        foreach (var pictures in Some(set.Read(cancel), most).Chunk(Batch))
        {
            cancel.ThrowIfCancellationRequested();
            var found = network.Extract([.. pictures.Select(picture => picture.Picture)], route, threads);
            pool.Add(found.Pool);
            spatial.Add(found.Spatial);
            features?.Add(found.Pool);
            scores?.Add(found.Scores);
            report?.Invoke(pool.Count);
        }
        if (pool.Count < 2) throw new DataException($"{set.Name}: {(pool.Count == 0 ? "no picture" : "one picture")} could be read; at least 2 were expected{(set.LeftOut is [var first, ..] ? $"; {first}" : "")}");
        return new SetStatistics(pool.Count, route, pool.Result(), spatial.Result()) { Features = Joined(features), Scores = Joined(scores), Origin = "pictures" };
    }

    // Take counts in 32 bits.
    private static IEnumerable<SetPicture> Some(IEnumerable<SetPicture> pictures, long most)
    {
        if (most <= 0) yield break;
        foreach (var picture in pictures)
        {
            yield return picture;
            if (--most == 0) yield break;
        }
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
