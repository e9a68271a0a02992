using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Data;

/// <summary>Images and their labels. The arrays belong to the loader and are written again after the next call of <see cref="BatchLoader.Next"/>.</summary>
/// <param name="Images">[B, C, H, W], −1 … 1.</param>
/// <param name="Labels">[B].</param>
/// <param name="Places">[B]: which image of the source each is, and whether it is mirrored.</param>
public sealed record Batch(float[] Images, int[] Labels, (long Index, bool Mirrored)[] Places);

/// <summary>
/// Batches of a source in a seeded order, read by threads of their own while the caller computes. What is in a batch depends on the seed and the position
/// only, whatever the number of threads: every epoch is a shuffle of all images, and a batch may hold the end of one and the beginning of the next. Next and Dispose are called
/// by one thread.
/// </summary>
public sealed class BatchLoader : IBatches
{
    private readonly IImageSource _source;
    private readonly ulong _seed;
    private readonly bool _flip;
    private readonly int _batch;
    private readonly IReadOnlyList<int>? _rows;
    private readonly ReadAhead<Slot> _batches;

    /// <summary>Starts to read.</summary>
    /// <param name="source">Where the images come from.</param>
    /// <param name="batch">B, at least 1.</param>
    /// <param name="seed">Chooses the order of the images, and the flips.</param>
    /// <param name="position">Images consumed before, as <see cref="Position"/> told; the batches go on from there.</param>
    /// <param name="flip">Whether half of the images, chosen anew in every epoch, are mirrored left to right.</param>
    /// <param name="ahead">Batches read in advance, at least 1.</param>
    /// <param name="workers">Threads that read images; 0 for one a core, no more than images of a batch.</param>
    /// <param name="rows">Which images of each batch are read, from 0, where others read the rest; null for all.</param>
    /// <exception cref="ConfigurationException">A number is out of range.</exception>
    /// <exception cref="DataException">The source is empty.</exception>
    public BatchLoader(IImageSource source, int batch, ulong seed, long position = 0, bool flip = false, int ahead = 2, int workers = 0, IReadOnlyList<int>? rows = null)
    {
        if (workers < 0) throw new ConfigurationException($"workers is {workers}; it must be at least 0");
        if (batch < 1) throw new ConfigurationException($"batch is {batch}; it must be at least 1");
        if (ahead < 1) throw new ConfigurationException($"ahead is {ahead}; it must be at least 1");
        if (position < 0) throw new ConfigurationException($"position is {position}; it must be at least 0");
        if (source.Count < 1) throw new DataException($"{source.Name}: the source is empty; at least one image was expected");

        (this._source, this._seed, this._flip, this._batch, this._rows, Position) = (source, seed, flip, batch, rows, position);
        int length = source.Channels * source.Height * source.Width, read = rows?.Count ?? batch;
        // One more than is read ahead: the one the caller holds.
        Slot[] ring = [.. Enumerable.Range(0, ahead + 1).Select(_ => new Slot(new Batch(new float[checked(read * length)], new int[read], new (long, bool)[read])))];
        long next = position;
        _batches = new ReadAhead<Slot>(ring, read, slot => (slot.First, next) = (next, next + batch), Fill, workers > 0 ? workers : ReadAhead<Slot>.WorkersFor(read));
    }

    /// <summary>Images in the batches that <see cref="Next"/> has returned, plus those before the start. Saved with a run, it resumes the order exactly.</summary>
    public long Position { get; private set; }

    /// <inheritdoc/>
    public TimeSpan Waited => _batches.Waited;

    /// <summary>The next batch, waited for where it is not read yet.</summary>
    /// <returns>Arrays that stay as they are until the next call.</returns>
    /// <exception cref="DataException">An image cannot be read; every later call throws the same. Whatever else the source throws comes out here as well.</exception>
    /// <exception cref="ObjectDisposedException">The loader is closed.</exception>
    public Batch Next()
    {
        var batch = _batches.Next().Batch;
        Position += _batch;
        return batch;
    }

    /// <summary>Stops reading; waits for the images in hand only.</summary>
    public void Dispose() => _batches.Dispose();

    /// <summary>A batch, and the place of its first image in the order.</summary>
    private sealed record Slot(Batch Batch)
    {
        public long First { get; set; }
    }

    private void Fill(Slot slot, int b)
    {
        var batch = slot.Batch;
        int length = batch.Images.Length / batch.Labels.Length;
        long position = slot.First + (_rows?[b] ?? b);
        var (epoch, place) = Math.DivRem(position, _source.Count);
        var order = new Permutation(_source.Count, CounterHash.Bits(_seed, (ulong)epoch));
        var image = batch.Images.AsSpan(b * length, length);
        batch.Places[b] = (order[place], _flip && (CounterHash.Bits(~_seed, (ulong)position) & 1) == 1);
        batch.Labels[b] = _source.Read(batch.Places[b].Index, image);
        if (batch.Places[b].Mirrored) Mirroring.Apply(image, _source.Width);
    }
}
