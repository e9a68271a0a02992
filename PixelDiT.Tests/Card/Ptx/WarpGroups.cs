namespace PixelDiT.Tests.Card.Ptx;

/// <summary>Warp-group instructions on their way: the registers and the shared memory that they use until they are waited for.</summary>
internal sealed class WarpGroups
{
    /// <summary>Threads of a warp group.</summary>
    public const int Size = 128;

    private sealed class Work
    {
        public List<int> Units { get; } = [];

        public HashSet<int> Slots { get; } = [];
    }

    private readonly List<Work>[] _committed;
    private readonly Work[] _open;
    private int _onTheirWay;

    public WarpGroups(int threads)
    {
        int groups = (threads + Size - 1) / Size;
        _committed = new List<Work>[groups];
        _open = new Work[groups];
        Reset();
    }

    /// <summary>For the next group of threads.</summary>
    public void Reset()
    {
        for (int i = 0; i < _open.Length; i++) (_committed[i], _open[i]) = ([], new());
        _onTheirWay = 0;
    }

    /// <summary>Begins an instruction.</summary>
    /// <param name="first">The warp group's first thread.</param>
    /// <param name="sums">Registers that it adds to.</param>
    /// <returns>Receives the units of shared memory that it reads.</returns>
    public List<int> Begin(int first, IReadOnlyList<Register> sums)
    {
        var work = _open[first / Size];
        foreach (var register in sums) work.Slots.Add(register.Slot);
        _onTheirWay++;
        return work.Units;
    }

    /// <summary>wgmma.commit_group.</summary>
    public void Commit(int first)
    {
        _committed[first / Size].Add(_open[first / Size]);
        _open[first / Size] = new();
    }

    /// <summary>wgmma.wait_group.</summary>
    public void Wait(int first, int left, SharedMemory shared)
    {
        var committed = _committed[first / Size];
        while (committed.Count > left)
        {
            shared.GiveBack(committed[0].Units);
            committed.RemoveAt(0);
        }
        if (_committed.All(works => works.Count == 0) && _open.All(work => work.Slots.Count == 0)) _onTheirWay = 0;
    }

    /// <summary>An instruction may not touch the sums of one that has not been waited for.</summary>
    public void Check(Instruction instruction, ReadOnlySpan<int> active)
    {
        if (_onTheirWay == 0 || instruction is WarpGroupMultiply) return;
        for (int i = 0; i < _open.Length; i++)
        {
            if (_committed[i].Count == 0 && _open[i].Slots.Count == 0 || !IsActive(i, active)) continue;
            foreach (var work in _committed[i].Append(_open[i]))
            {
                foreach (var register in instruction.Reads.Concat(instruction.Writes))
                {
                    if (work.Slots.Contains(register.Slot)) throw new PtxFault($"{register.Name} is used while a warp-group instruction adds to it: no wgmma.wait_group since");
                }
            }
        }
    }

    /// <summary>Whether any thread of a warp group is among the active ones, which are in order.</summary>
    private static bool IsActive(int group, ReadOnlySpan<int> active)
    {
        foreach (int thread in active)
        {
            if (thread / Size >= group) return thread / Size == group;
        }
        return false;
    }
}

/// <summary>wgmma.commit_group, .wait_group and .fence. What a fence is for is checked where the text is decoded: registers of one thread are written in the order of the text.</summary>
internal sealed class WarpGroupOrder(string kind, int left) : TogetherInstruction(WarpGroups.Size)
{
    public override void Run(ThreadGroup group)
    {
        for (int first = 0; first < group.Threads; first += WarpGroups.Size)
        {
            if (!group.IsActive(first)) continue;
            if (kind == "commit_group") group.WarpGroups.Commit(first);
            else if (kind == "wait_group") group.WarpGroups.Wait(first, left, group.Shared);
        }
    }
}

/// <summary>
/// wgmma.mma_async m64nNk16 of bfloat16 with both operands in shared memory. Descriptors are read as the manual and CUTLASS (make_gmma_desc) describe them, for the 128-byte swizzle: K-major ((8,m),(8,2)) :
/// ((64,SBO),(1,8)) and MN-major ((8,8,m),(8,k)) : ((1,8,LBO),(64,SBO)) elements of 16 bits; of the resulting address bits 4 to 6 are changed by bits 7 to 9.
/// </summary>
internal sealed unsafe class WarpGroupMultiply(Register[] sums, Register a, Register b, Register adds, bool transposesA, bool transposesB) : TogetherInstruction(WarpGroups.Size)
{
    private const int Rows = 64, Depth = 16;

    /// <summary>Registers that it adds to.</summary>
    public Register[] Sums => sums;

    public override void Run(ThreadGroup group)
    {
        int columns = sums.Length * 2;
        double[] left = new double[Rows * Depth], right = new double[Depth * columns], results = new double[Rows * columns];
        for (int first = 0; first < group.Threads; first += WarpGroups.Size)
        {
            if (!group.IsActive(first)) continue;
            uint* keeps = group.Row<uint>(adds);
            for (int i = 0; i < WarpGroups.Size; i++)
            {
                if (group.Row<ulong>(a)[first + i] != group.Row<ulong>(a)[first] || group.Row<ulong>(b)[first + i] != group.Row<ulong>(b)[first] || keeps[first + i] != keeps[first])
                    throw new PtxFault("threads of a warp group give different descriptors");
            }
            var units = group.WarpGroups.Begin(first, sums);
            Read(group, first, group.Row<ulong>(a)[first], transposesA, units, Rows, (row, k, value) => left[(row * Depth) + k] = value);
            Read(group, first, group.Row<ulong>(b)[first], transposesB, units, columns, (column, k, value) => right[(k * columns) + column] = value);
            for (int i = 0; i < sums.Length; i++)
            {
                float* row = group.Row<float>(sums[i]) + first;
                for (int thread = 0; thread < WarpGroups.Size; thread++) results[Place(thread, i, columns)] = keeps[first] != 0 ? row[thread] : 0;
            }
            fixed (double* l = left, r = right, s = results) Products.Add(l, r, s, Rows, columns, Depth);
            for (int i = 0; i < sums.Length; i++)
            {
                float* row = group.Row<float>(sums[i]) + first;
                for (int thread = 0; thread < WarpGroups.Size; thread++) row[thread] = (float)results[Place(thread, i, columns)];
            }
        }
    }

    /// <summary>The element of D [64, n] that a thread's i-th register holds: a warp has 16 rows, and of each 8 columns a lane two of its row and two of the row eight further (PTX ISA, D fragment).</summary>
    private static int Place(int thread, int i, int columns)
    {
        int row = (thread / 32 * 16) + (thread % 32 / 4) + (i % 4 / 2 * 8), column = (i / 4 * 8) + (thread % 4 * 2) + (i % 2);
        return (row * columns) + column;
    }

    private static void Read(ThreadGroup group, int first, ulong descriptor, bool transposed, List<int> units, int rows, Action<int, int, float> take)
    {
        if (descriptor >> 62 != 1) throw new PtxFault($"the descriptor {descriptor:x16} has swizzle {descriptor >> 62}; the interpreter knows 1, that of 128 bytes");
        if (((descriptor >> 49) & 7) != 0) throw new PtxFault($"the descriptor {descriptor:x16} has a base offset, which the interpreter does not know");
        long start = (long)(descriptor & 0x3FFF) << 4, leading = (long)((descriptor >> 16) & 0x3FFF) << 4, stride = (long)((descriptor >> 32) & 0x3FFF) << 4;
        for (int row = 0; row < rows; row++)
        {
            for (int k = 0; k < Depth; k++)
            {
                long address = transposed
                    ? start + (row % 64 * 2) + (row / 64 * leading) + (k % 8 * 128) + (k / 8 * stride)
                    : start + (row % 8 * 128) + (row / 8 * stride) + (k * 2);
                address ^= (address >> 3) & 0x70;
                take(row, k, BitConverter.UInt32BitsToSingle((uint)group.Shared.ReadByWarpGroup(first, address, units) << 16));
            }
        }
    }
}
