using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Shards;

/// <summary>Images of one size that are trained together.</summary>
/// <param name="Bucket">Their size.</param>
/// <param name="Indices">Which images.</param>
internal sealed record BucketBatch(AspectBucket Bucket, IReadOnlyList<int> Indices);

/// <summary>
/// The text trainer's order of data: the images of a process in their order, never shuffled, each put to those of its bucket; a bucket that is full is a batch. What is left in the buckets at the end is dropped. The buckets
/// begin empty at every epoch: the authors' program leaves in them what an interrupted epoch had there, after which a bucket may never be full again.
/// </summary>
internal static class BucketBatches
{
    /// <summary>The images [first, end) of a process: equal parts, what is over is dropped.</summary>
    /// <param name="count">Images of the data set.</param>
    /// <param name="process">From 0.</param>
    /// <param name="processes">At least 1.</param>
    /// <exception cref="ConfigurationException">There is no such process.</exception>
    public static (int First, int End) Range(int count, int process, int processes)
    {
        if (processes < 1 || process < 0 || process >= processes) throw new ConfigurationException($"process {process} of {processes} was asked for; 0 to one below their number was expected");
        int each = count / processes;
        return (process * each, (process + 1) * each);
    }

    /// <summary>The batches of a range that the authors' program reports, ⌊images / batch⌋; as leftovers are dropped a bucketed epoch has fewer.</summary>
    public static int ReportedLength((int First, int End) range, int batchSize) => (range.End - range.First) / batchSize;

    /// <summary>The batches of an epoch, in the order in which they are full.</summary>
    /// <param name="sizes">An image's size as its data set says; null for one that is passed over.</param>
    /// <param name="range">The images of the process.</param>
    /// <param name="batchSize">Images of a batch, at least 1.</param>
    /// <param name="buckets">The sizes.</param>
    /// <param name="start">Images of the range that a resumed run has behind it.</param>
    /// <exception cref="ConfigurationException">The batch is below 1, or the start outside the range.</exception>
    public static IEnumerable<BucketBatch> Epoch(Func<int, (int Height, int Width)?> sizes, (int First, int End) range, int batchSize, AspectBuckets buckets, int start = 0)
    {
        if (batchSize < 1) throw new ConfigurationException($"batch is {batchSize}; it must be at least 1");
        if (start < 0 || start > range.End - range.First) throw new ConfigurationException($"start is {start}; it must be from 0 to {range.End - range.First}");
        return Walk();

        IEnumerable<BucketBatch> Walk()
        {
            var filling = new Dictionary<AspectBucket, List<int>>();
            for (int index = range.First + start; index < range.End; index++)
            {
                if (sizes(index) is not var (height, width)) continue;
                var bucket = buckets.Closest(height, width);
                if (!filling.TryGetValue(bucket, out var indices)) filling.Add(bucket, indices = []);
                indices.Add(index);
                if (indices.Count < batchSize) continue;
                filling.Remove(bucket);
                yield return new BucketBatch(bucket, indices);
            }
        }
    }
}
