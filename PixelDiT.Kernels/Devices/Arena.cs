using ILGPU;
using ILGPU.Runtime;

namespace PixelDiT.Kernels.Devices;

/// <summary>A block of an arena: where it lies, and its bytes.</summary>
internal readonly record struct ArenaBlock(int Chunk, long Offset, ArrayView<byte> View);

/// <summary>
/// Device memory in few large chunks, handed out first-fit in address order. Blocks begin at absolute addresses that are multiples of 256
/// (ILGPU's PTX assumes so, and its CPU buffers promise only 16). The same requests in the same order get the same addresses, step after step.
/// Not thread-safe: a device is driven by one thread.
/// </summary>
public sealed class Arena : IDisposable
{
    private const long Alignment = 256;
    private const long SmallestChunk = 16L << 20;

    private sealed record Chunk(MemoryBuffer1D<byte, Stride1D.Dense> Buffer, long Base, List<Block> Blocks);

    private record struct Block(long Offset, long Size, bool Free);

    [ThreadStatic]
    private static long s_limit;

    private readonly Accelerator _accelerator;
    private readonly List<Chunk> _chunks = [];

    private readonly bool _isLimited;

    /// <param name="accelerator">Where the memory is.</param>
    /// <param name="isLimited">Whether <see cref="Limit"/> holds here; a dry run only counts.</param>
    internal Arena(Accelerator accelerator, bool isLimited) => (_accelerator, _isLimited) = (accelerator, isLimited);

    /// <summary>Bytes handed out at present, with their padding.</summary>
    public long BytesInUse { get; private set; }

    /// <summary>The most bytes ever handed out at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Bytes taken from the device.</summary>
    public long BytesReserved { get; private set; }

    /// <summary>Bytes after which a device that is driven by this thread counts as full, for tests of what is said then; 0 for as many as there are.</summary>
    internal static long Limit { get => s_limit; set => s_limit = value; }

    /// <summary>Is told of the address and bytes of each block that is taken (true) or released (false), for tests that look after every access; null otherwise.</summary>
    internal static Action<long, long, bool>? Watch { get; set; }

    /// <summary>Begins a new measurement of <see cref="PeakBytes"/>.</summary>
    public void ResetPeak() => PeakBytes = BytesInUse;

    /// <summary>Takes a block of at least <paramref name="bytes"/> bytes; its contents are undefined.</summary>
    /// <exception cref="DeviceMemoryException">The device is out of memory; the message says what was asked, what is in use and what is free.</exception>
    internal ArenaBlock Take(long bytes)
    {
        long size = Math.Max(Alignment, (bytes + Alignment - 1) / Alignment * Alignment);
        for (int i = 0; i < _chunks.Count; i++)
        {
            if (TakeFrom(i, size, bytes) is { } block) return Tell(block, taken: true);
        }
        // Growing by a quarter of what is there keeps the number of chunks small for large models.
        Grow(size, Math.Max(size, Math.Max(SmallestChunk, BytesReserved / 4)));
        return Tell(TakeFrom(_chunks.Count - 1, size, bytes)!.Value, taken: true);
    }

    private static ArenaBlock Tell(ArenaBlock block, bool taken)
    {
        if (Watch is { } watch) watch(block.View.LoadEffectiveAddressAsPtr(), block.View.Length, taken);
        return block;
    }

    internal void Release(ArenaBlock block)
    {
        Tell(block, taken: false);
        var blocks = _chunks[block.Chunk].Blocks;
        int at = Find(blocks, block.Offset);
        BytesInUse -= blocks[at].Size;
        var freed = blocks[at] with { Free = true };
        if (at + 1 < blocks.Count && blocks[at + 1].Free)
        {
            freed = freed with { Size = freed.Size + blocks[at + 1].Size };
            blocks.RemoveAt(at + 1);
        }
        if (at > 0 && blocks[at - 1].Free)
        {
            freed = freed with { Offset = blocks[at - 1].Offset, Size = freed.Size + blocks[at - 1].Size };
            blocks.RemoveAt(at--);
        }
        blocks[at] = freed;
    }

    private ArenaBlock? TakeFrom(int chunk, long size, long bytes)
    {
        var blocks = _chunks[chunk].Blocks;
        for (int i = 0; i < blocks.Count; i++)
        {
            var block = blocks[i];
            if (!block.Free || block.Size < size) continue;
            blocks[i] = new Block(block.Offset, size, Free: false);
            if (block.Size > size) blocks.Insert(i + 1, new Block(block.Offset + size, block.Size - size, Free: true));
            BytesInUse += size;
            PeakBytes = Math.Max(PeakBytes, BytesInUse);
            var view = ((ArrayView<byte>)_chunks[chunk].Buffer.View).SubView(_chunks[chunk].Base + block.Offset, bytes);
            return new ArenaBlock(chunk, block.Offset, view);
        }
        return null;
    }

    private void Grow(long needed, long wanted)
    {
        long size = wanted;
        var buffer = TryAllocate(wanted, out var failure);
        if (buffer is null && needed < wanted) buffer = TryAllocate(size = needed, out failure);
        if (buffer is null)
        {
            var state = MemoryState.Of(_accelerator);
            throw new DeviceMemoryException(
                $"out of device memory: {Mebibytes(size)} MiB more were asked for; {Mebibytes(BytesInUse)} MiB are in use, {Mebibytes(BytesReserved)} MiB reserved, {Mebibytes(state.Free)} MiB of the device's {Mebibytes(state.Total)} MiB free", failure);
        }
        long first = (Alignment - (long)buffer.NativePtr % Alignment) % Alignment;
        _chunks.Add(new Chunk(buffer, first, [new Block(0, size, Free: true)]));
        BytesReserved += size;
    }

    private MemoryBuffer1D<byte, Stride1D.Dense>? TryAllocate(long size, out Exception? failure)
    {
        failure = null;
        if (_isLimited && Limit > 0 && BytesReserved + size > Limit) return null;
        try
        {
            return _accelerator.Allocate1D<byte>(size + Alignment);
        }
        catch (Exception error) when (error is OutOfMemoryException or AcceleratorException)
        {
            failure = error;
            return null;
        }
    }

    private static long Mebibytes(long bytes) => (bytes + (1 << 20) - 1) >> 20;

    private static int Find(List<Block> blocks, long offset)
    {
        int low = 0, high = blocks.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (blocks[middle].Offset == offset && !blocks[middle].Free) return middle;
            if (blocks[middle].Offset < offset) low = middle + 1;
            else high = middle - 1;
        }
        throw new InvalidOperationException($"the block at {offset} is not in use");
    }

    /// <summary>Gives all chunks back to the device.</summary>
    public void Dispose()
    {
        foreach (var chunk in _chunks) CudaDriver.Release(chunk.Buffer.Dispose);
        _chunks.Clear();
    }
}
