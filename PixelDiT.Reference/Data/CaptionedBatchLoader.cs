using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data;

/// <summary>Images of one size and their captions. They belong to the loader and are written again after the next call of <see cref="CaptionedBatchLoader.Next"/>.</summary>
/// <param name="Images">[B, C, H, W], −1 … 1, at the beginning of an array that has room for the largest size.</param>
/// <param name="Captions">[B].</param>
/// <param name="Indices">[B]: which image of the source each is.</param>
public sealed record CaptionedBatch(float[] Images, string[] Captions, long[] Indices)
{
    /// <summary>H.</summary>
    public int Height { get; internal set; }

    /// <summary>W.</summary>
    public int Width { get; internal set; }
}

/// <summary>
/// Batches of a source of captioned images in a seeded order, read by threads of their own while the caller computes. What is in a batch does not depend on their number. The order depends on the seed and the number of batches behind it only. Every epoch is a shuffle of all
/// images, or the source's own order where it asks for that. Where there are several sizes, the images of an epoch are put to those of their size one after the other, and a size that has enough is a batch; what is left at
/// the end of an epoch is left out. Next and Dispose are called by one thread.
/// </summary>
public sealed class CaptionedBatchLoader : IBatches
{
    // Draws of captions are told apart from the order of images.
    private const ulong CaptionKey = 0x9FB21C651E98DF25;

    private readonly ICaptionedSource _source;
    private readonly int _batch;
    private readonly IReadOnlyList<int>? _rows;
    private readonly ulong _seed;
    private readonly ReadAhead<Slot> _batches;

    /// <summary>Starts to read.</summary>
    /// <param name="source">Where the images come from.</param>
    /// <param name="batch">B, at least 1.</param>
    /// <param name="seed">Chooses the order of the images, and their captions.</param>
    /// <param name="position">Batches consumed before; the batches go on from there.</param>
    /// <param name="ahead">Batches read in advance, at least 1.</param>
    /// <param name="workers">Threads that read images; 0 for one a core, no more than images of a batch.</param>
    /// <param name="rows">Which images of each batch are read, from 0, where others read the rest; null for all.</param>
    /// <exception cref="ConfigurationException">A number is out of range.</exception>
    /// <exception cref="DataException">No size has enough images for a batch.</exception>
    public CaptionedBatchLoader(ICaptionedSource source, int batch, ulong seed, long position = 0, int ahead = 2, int workers = 0, IReadOnlyList<int>? rows = null)
    {
        if (workers < 0) throw new ConfigurationException($"workers is {workers}; it must be at least 0");
        if (batch < 1) throw new ConfigurationException($"batch is {batch}; it must be at least 1");
        if (ahead < 1) throw new ConfigurationException($"ahead is {ahead}; it must be at least 1");
        if (position < 0) throw new ConfigurationException($"position is {position}; it must be at least 0");
        (_source, _batch, _rows, _seed) = (source, batch, rows, seed);
        BatchesAnEpoch = Count();
        if (BatchesAnEpoch == 0)
        {
            throw new DataException(source.Count < batch
                ? $"{source.Name}: has {source.Count} images; at least one batch of {batch} was expected"
                : $"{source.Name}: none of its {source.Sizes.Count} sizes has {batch} images, a batch; a smaller --batch, or fewer sizes, were expected");
        }
        int read = rows?.Count ?? batch, length = checked(read * source.Channels * source.Sizes.Max(size => size.Height * size.Width));
        Slot[] ring = [.. Enumerable.Range(0, ahead + 1).Select(_ => new Slot(new CaptionedBatch(new float[length], new string[read], new long[read])))];
        var order = Batches(position).GetEnumerator();
        _batches = new ReadAhead<Slot>(ring, read, slot =>
        {
            order.MoveNext();
            slot.Places = order.Current;
            (slot.Batch.Height, slot.Batch.Width) = source.Sizes[source.SizeOf(slot.Places[0].Index)];
        }, Fill, workers > 0 ? workers : ReadAhead<Slot>.WorkersFor(read));
    }

    /// <summary>Batches of an epoch, the same in each.</summary>
    public long BatchesAnEpoch { get; }

    /// <summary>The next batch, waited for where it is not read yet.</summary>
    /// <returns>Arrays that stay as they are until the next call.</returns>
    /// <exception cref="DataException">An image cannot be read; every later call throws the same. Whatever else the source throws comes out here as well.</exception>
    /// <exception cref="ObjectDisposedException">The loader is closed.</exception>
    public CaptionedBatch Next() => _batches.Next().Batch;

    /// <inheritdoc/>
    public TimeSpan Waited => _batches.Waited;

    /// <summary>Stops reading; waits for the images in hand only.</summary>
    public void Dispose() => _batches.Dispose();

    private long Count()
    {
        if (_source.Sizes.Count == 1) return _source.Count / _batch;
        var images = new long[_source.Sizes.Count];
        for (long index = 0; index < _source.Count; index++) images[_source.SizeOf(index)]++;
        return images.Sum(count => count / _batch);
    }

    /// <summary>An image and its place among all that were walked.</summary>
    private readonly record struct Place(long Index, ulong Draw);

    private IEnumerable<Place[]> Batches(long position)
    {
        var (epoch, behind) = Math.DivRem(position, BatchesAnEpoch);
        for (; ; epoch++, behind = 0)
        {
            foreach (var batch in _source.Sizes.Count == 1 ? OfOneSize(epoch, behind) : OfSizes(epoch).Skip(checked((int)behind))) yield return batch;
        }
    }

    private IEnumerable<Place[]> OfOneSize(long epoch, long behind)
    {
        for (; behind < BatchesAnEpoch; behind++)
        {
            long first = behind * _batch;
            yield return [.. Enumerable.Range(0, _batch).Select(b => At(epoch, first + b))];
        }
    }

    private IEnumerable<Place[]> OfSizes(long epoch)
    {
        var filling = Enumerable.Range(0, _source.Sizes.Count).Select(_ => new List<Place>()).ToArray();
        for (long place = 0; place < _source.Count; place++)
        {
            var at = At(epoch, place);
            var images = filling[_source.SizeOf(at.Index)];
            images.Add(at);
            if (images.Count < _batch) continue;
            yield return [.. images];
            images.Clear();
        }
    }

    private Place At(long epoch, long place)
    {
        long index = _source.InOrder ? place : new Permutation(_source.Count, CounterHash.Bits(_seed, (ulong)epoch))[place];
        return new Place(index, CounterHash.Bits(CounterHash.Bits(_seed ^ CaptionKey, (ulong)epoch), (ulong)place));
    }

    /// <summary>A batch, and which images it takes.</summary>
    private sealed record Slot(CaptionedBatch Batch)
    {
        public Place[] Places { get; set; } = [];
    }

    private void Fill(Slot slot, int b)
    {
        var target = slot.Batch;
        int length = _source.Channels * target.Height * target.Width;
        var place = slot.Places[_rows?[b] ?? b];
        target.Indices[b] = place.Index;
        target.Captions[b] = _source.Read(place.Index, place.Draw, target.Images.AsSpan(b * length, length));
    }
}
