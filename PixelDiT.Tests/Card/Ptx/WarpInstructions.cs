namespace PixelDiT.Tests.Card.Ptx;

/// <summary>An instruction that all threads of a warp, or of several, execute together.</summary>
internal abstract class TogetherInstruction(int threads) : Instruction
{
    public override Control Control => Control.Together;

    public override bool HasCompany(ThreadGroup group, int thread)
    {
        if (group.IsFull && group.Threads % threads == 0) return true;
        int first = thread / threads * threads;
        if (first + threads > group.Threads) return false;
        for (int i = first; i < first + threads; i++)
        {
            if (!group.IsActive(i)) return false;
        }
        return true;
    }
}

/// <summary>shfl.sync.idx and .bfly, of a whole warp, between the lanes of a mask.</summary>
internal sealed unsafe class Shuffle(Register d, Register value, Register lane, Register members, bool exchanges) : Instruction
{
    public override Control Control => Control.Together;

    public override bool HasCompany(ThreadGroup group, int thread)
    {
        uint mask = group.Row<uint>(members)[thread];
        int first = thread & ~(ThreadGroup.Warp - 1);
        if (((mask >> (thread - first)) & 1) == 0) throw new PtxFault($"thread {thread} shuffles with the mask {mask:x8}, in which it is not");
        if (group.IsFull && first + ThreadGroup.Warp <= group.Threads) return true;
        for (int i = 0; i < ThreadGroup.Warp; i++)
        {
            if (((mask >> i) & 1) != 0 && (first + i >= group.Threads || !group.IsActive(first + i))) return false;
        }
        return true;
    }

    public override void Run(ThreadGroup group)
    {
        uint* to = group.Row<uint>(d), from = group.Row<uint>(value), lanes = group.Row<uint>(lane), masks = group.Row<uint>(members);
        uint* values = stackalloc uint[group.Padded];
        new Span<uint>(from, group.Padded).CopyTo(new Span<uint>(values, group.Padded));
        foreach (int thread in group.Active)
        {
            int own = thread & (ThreadGroup.Warp - 1), source = (int)(exchanges ? (uint)own ^ lanes[thread] : lanes[thread] & (ThreadGroup.Warp - 1));
            if (source >= ThreadGroup.Warp || ((masks[thread] >> source) & 1) == 0) throw new PtxFault($"thread {thread} asks lane {source}, which is not in its mask {masks[thread]:x8}");
            if (masks[thread - own + source] != masks[thread]) throw new PtxFault($"thread {thread} and lane {source} shuffle with different masks");
            to[thread] = values[thread - own + source];
        }
    }
}

/// <summary>ldmatrix.x4: four matrices of 8 by 8 elements of 16 bits; each lane gives the address of a row.</summary>
internal sealed unsafe class LoadMatrices(Register[] d, Address address, bool transposed) : TogetherInstruction(ThreadGroup.Warp)
{
    public override void Run(ThreadGroup group)
    {
        long* from = group.Row<long>(address.Base);
        ushort** rows = stackalloc ushort*[ThreadGroup.Warp];
        for (int first = 0; first < group.Threads; first += ThreadGroup.Warp)
        {
            if (!group.IsActive(first)) continue;
            for (int lane = 0; lane < ThreadGroup.Warp; lane++) rows[lane] = (ushort*)group.Shared.Read(first + lane, from[first + lane] + address.Offset, 16);
            for (int matrix = 0; matrix < d.Length; matrix++)
            {
                uint* to = group.Row<uint>(d[matrix]) + first;
                for (int lane = 0; lane < ThreadGroup.Warp; lane++)
                {
                    int line = lane / 4, pair = lane % 4 * 2, row = matrix * 8;
                    to[lane] = transposed ? rows[row + pair][line] | ((uint)rows[row + pair + 1][line] << 16) : rows[row + line][pair] | ((uint)rows[row + line][pair + 1] << 16);
                }
            }
        }
    }
}

/// <summary>
/// mma.sync m16n8k16 of bfloat16 and m16n8k8 of TF32 with float32 sums. Products are exact in double, as are their sums but for the last bits; the result is rounded once, where a card's tensor cores
/// cut in an order of their own.
/// </summary>
internal sealed unsafe class MultiplyMatrices(Register[] d, Register[] a, Register[] b, Register[] c, bool isBFloat16) : TogetherInstruction(ThreadGroup.Warp)
{
    private const int Rows = 16, Columns = 8;

    public override void Run(ThreadGroup group)
    {
        int depth = isBFloat16 ? 16 : 8;
        double* left = stackalloc double[Rows * depth], right = stackalloc double[depth * Columns], sums = stackalloc double[Rows * Columns];
        for (int first = 0; first < group.Threads; first += ThreadGroup.Warp)
        {
            if (!group.IsActive(first)) continue;
            for (int lane = 0; lane < ThreadGroup.Warp; lane++)
            {
                int row = lane / 4, column = lane % 4;
                for (int i = 0; i < 4; i++)
                {
                    uint bits = group.Row<uint>(a[i])[first + lane];
                    int r = row + (i % 2 * 8), k = (isBFloat16 ? 2 * column : column) + (i / 2 * (depth / 2));
                    if (isBFloat16) (left[(r * depth) + k], left[(r * depth) + k + 1]) = (Low(bits), High(bits));
                    else left[(r * depth) + k] = TensorFloat32(bits);
                }
                for (int i = 0; i < 2; i++)
                {
                    uint bits = group.Row<uint>(b[i])[first + lane];
                    int k = (isBFloat16 ? 2 * column : column) + (i * (depth / 2));
                    if (isBFloat16) (right[(k * Columns) + row], right[((k + 1) * Columns) + row]) = (Low(bits), High(bits));
                    else right[(k * Columns) + row] = TensorFloat32(bits);
                }
                for (int i = 0; i < 4; i++) sums[((row + (i / 2 * 8)) * Columns) + (2 * column) + (i % 2)] = group.Row<float>(c[i])[first + lane];
            }
            Products.Add(left, right, sums, Rows, Columns, depth);
            for (int lane = 0; lane < ThreadGroup.Warp; lane++)
            {
                for (int i = 0; i < 4; i++) group.Row<float>(d[i])[first + lane] = (float)sums[(((lane / 4) + (i / 2 * 8)) * Columns) + (2 * (lane % 4)) + (i % 2)];
            }
        }
    }

    private static float Low(uint pair) => BitConverter.UInt32BitsToSingle(pair << 16);

    private static float High(uint pair) => BitConverter.UInt32BitsToSingle(pair & 0xFFFF0000);

    /// <summary>What the tensor cores read of 32 bits.</summary>
    private static float TensorFloat32(uint bits) => BitConverter.UInt32BitsToSingle(bits & 0xFFFFE000);
}
