namespace PixelDiT.Tests.Card.Ptx;

/// <summary>A tensor map as the stand-in for a driver writes it: what it was told of a matrix of bfloat16. A card's own is secret, and this is none.</summary>
/// <param name="Address">Of its first element.</param>
/// <param name="Elements">Of a line.</param>
/// <param name="Lines">Lines.</param>
/// <param name="Stride">Bytes from a line to the next.</param>
/// <param name="BoxElements">Of a box's line.</param>
/// <param name="BoxLines">Lines of a box.</param>
internal readonly record struct BulkMap(long Address, long Elements, long Lines, long Stride, int BoxElements, int BoxLines)
{
    /// <summary>Words of a map.</summary>
    public const int Words = 16;

    private const ulong Mark = 0x544E455354454E54;

    /// <summary>Writes a map.</summary>
    /// <returns>Whether a driver would: addresses and strides at multiples of 16 bytes, a box of at most 256 lines whose lines are as long as the swizzle.</returns>
    public static bool Encode(Span<ulong> map, long address, ulong elements, ulong lines, ulong stride, uint boxElements, uint boxLines)
    {
        if ((address & 15) != 0 || elements is 0 or > uint.MaxValue || lines is 0 or > uint.MaxValue || stride % 16 != 0 || stride >= 1UL << 40 || stride < elements * 2 || boxElements * 2 > 128 || boxElements * 2 % 16 != 0 || boxLines is 0 or > 256) return false;
        map.Clear();
        ((ulong[])[Mark, (ulong)address, elements, lines, stride, boxElements, boxLines]).CopyTo(map);
        return true;
    }

    /// <summary>Reads a map.</summary>
    public static BulkMap Decode(ReadOnlySpan<byte> bytes)
    {
        if (Word(bytes, 0) != Mark) throw new PtxFault("a bulk copy is given what is no tensor map");
        return new((long)Word(bytes, 1), (long)Word(bytes, 2), (long)Word(bytes, 3), (long)Word(bytes, 4), (int)Word(bytes, 5), (int)Word(bytes, 6));
    }

    private static ulong Word(ReadOnlySpan<byte> bytes, int i) => BitConverter.ToUInt64(bytes[(8 * i)..]);
}

/// <summary>
/// cp.async.bulk.tensor of two dimensions: a box of a matrix to shared memory, with the 128-byte swizzle (bits 4 to 6 of an address are changed by bits 7 to 9) and zeros for what lies beyond the matrix. The barrier counts
/// all bytes of the box.
/// </summary>
internal sealed unsafe class BulkCopy(Address to, Register map, Register element, Register line, Address barrier) : Instruction
{
    /// <summary>The opcode.</summary>
    public const string Opcode = "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes";

    private const int Chunk = 16, ChunkElements = 8, LineBytes = 128;

    /// <summary>Reads [to], [map, {element, line}], [barrier].</summary>
    public static BulkCopy Decode(Operands at)
    {
        var to = at.Address();
        var (map, coordinates) = at.MapAndPlace();
        return new(to, map, coordinates[0], coordinates[1], at.Address()) { Reads = at.Reads };
    }

    public override void Run(ThreadGroup group)
    {
        foreach (int thread in group.Active)
        {
            long start = group.Row<long>(to.Base)[thread] + to.Offset, place = group.Row<long>(map)[thread] - PtxText.ParameterStart;
            if (place < 0 || place + (8 * BulkMap.Words) > group.Parameters.Length || place % 64 != 0) throw new PtxFault($"thread {thread} gives a tensor map at {place} of the parameters, which have {group.Parameters.Length} bytes");
            var matrix = BulkMap.Decode(group.Parameters.AsSpan((int)place));
            if (start % LineBytes != 0) throw new PtxFault($"thread {thread} copies a box to {start}, which is no multiple of {LineBytes}");
            if (matrix.BoxElements * 2 != LineBytes) throw new PtxFault($"a box has lines of {matrix.BoxElements} elements; the interpreter knows {LineBytes / 2}");
            int firstElement = group.Row<int>(element)[thread], firstLine = group.Row<int>(line)[thread];
            var chunks = new List<(long, byte[])>();
            for (int l = 0; l < matrix.BoxLines; l++)
            {
                for (int c = 0; c < LineBytes / Chunk; c++)
                {
                    long target = start + (l * LineBytes) + (c * Chunk);
                    target ^= (target >> 3) & 0x70;
                    chunks.Add((target, Read(group.Memory, matrix, firstElement + (c * ChunkElements), firstLine + l)));
                }
            }
            group.Shared.Phases.Begin(thread, group.Row<long>(barrier.Base)[thread] + barrier.Offset, matrix.BoxLines * LineBytes, chunks);
        }
    }

    private static byte[] Read(DeviceMemory memory, BulkMap matrix, long element, long line)
    {
        byte[] bytes = new byte[Chunk];
        if (line < 0 || line >= matrix.Lines) return bytes;
        for (int i = 0; i < ChunkElements; i++)
        {
            if (element + i >= 0 && element + i < matrix.Elements) new ReadOnlySpan<byte>(memory.Read(matrix.Address + (line * matrix.Stride) + ((element + i) * 2), 2), 2).CopyTo(bytes.AsSpan(2 * i));
        }
        return bytes;
    }
}
