using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>Sizes and strides of a product C[M, N] = A[M, K]·B[K, N], in elements, and how it is cut into items.</summary>
internal record struct ProductSizes
{
    /// <summary>Columns of C that one item of a GPU computes, and one of a CPU unless <see cref="ItemColumns"/> says otherwise.</summary>
    public const int BlockColumns = 256;

    /// <summary>Steps in k between two visits of C.</summary>
    public const int BlockDepth = 256;

    public int M, N, K;
    public long ARow, AStep, BStep, BColumn, CRow, CColumn, CSlice;

    /// <summary>Rows of C that one item computes; a multiple of 4.</summary>
    public int BlockRows;

    /// <summary>Columns of C that one item of a CPU computes.</summary>
    public int ItemColumns;

    public int RowBlocks, ColumnBlocks, SliceDepth;
    public int Accumulate, HasBias, BiasRow, BiasColumn, IsPacked;

    /// <summary>The number of the launch on a CPU, by which a thread knows what it has packed in it.</summary>
    public long Launch;

    /// <summary>Whether A's rows lie side by side, and its steps so that a CPU packs them.</summary>
    public readonly bool PacksColumnsOfA => ARow == 1 && BlockedProductBody.MeetsItself(AStep);

    /// <summary>What a CPU rounds both operands to; a packed one has been rounded.</summary>
    public Precision Precision;
}

/// <summary>One block of a product, or of one slice of its sums.</summary>
internal readonly struct BlockedProduct<TA, TB, TC>(
    DeviceView<TA> a, DeviceView<TB> b, DeviceView<float> packed, DeviceView<float> bias, DeviceView<TC> c, ProductSizes sizes) : IKernel
    where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TC : unmanaged, IStorage<TC>
{
    private readonly DeviceView<TA> _a = a;
    private readonly DeviceView<TB> _b = b;
    private readonly DeviceView<float> _packed = packed, _bias = bias;
    private readonly DeviceView<TC> _c = c;
    private readonly ProductSizes _sizes = sizes;

    public void Run(int item, int lane, int lanes)
    {
        int rowBlock = item % _sizes.RowBlocks, rest = item / _sizes.RowBlocks;
        int columnBlock = rest % _sizes.ColumnBlocks, slice = rest / _sizes.ColumnBlocks;
        BlockedProductBody.Block(_a, _b, _packed, _bias, _c, _sizes, rowBlock * _sizes.BlockRows, columnBlock, slice, lane, lanes);
    }
}

/// <summary>The bodies of <see cref="BlockedProduct{TA, TB, TC}"/>: intrinsics must be methods of a class without type parameters.</summary>
internal static class BlockedProductBody
{
    /// <summary>Floats of B that a thread keeps packed from one block of a launch to the next: 1 MiB.</summary>
    internal const long MostKept = 1 << 18;

    /// <summary>Blocks of rows from which on it pays to pack B once for a thread's share of them.</summary>
    private const int BlocksThatShare = 8;

    /// <summary>The launch, the column and the slice whose panels lie in the thread's scratch.</summary>
    [ThreadStatic]
    private static (long Launch, int Column, int Slice) s_kept;

    [IntrinsicImplementation, DeviceBody(nameof(DeviceBlock)), MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static unsafe void Block<TA, TB, TC>(
        DeviceView<TA> a, DeviceView<TB> b, DeviceView<float> packed, DeviceView<float> bias, DeviceView<TC> c, ProductSizes s, int row, int columnBlock, int slice, int lane, int lanes)
        where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TC : unmanaged, IStorage<TC>
    {
        if (lanes != 1)
        {
            DeviceBlock(a, b, packed, bias, c, s, row, columnBlock, slice, lane, lanes);
            return;
        }
        int column = columnBlock * s.ItemColumns, rows = Math.Min(s.BlockRows, s.M - row), columns = Math.Min(s.ItemColumns, s.N - column);
        int first = slice * s.SliceDepth, end = Math.Min(s.K, first + s.SliceDepth);
        bool rounds = s.Precision != Precision.Single;
        bool packA = typeof(TA) != typeof(Single32) || rounds || s.PacksColumnsOfA;
        int depthMost = Math.Min(ProductSizes.BlockDepth, s.SliceDepth), columnsMost = Math.Min(s.ItemColumns, s.N), rowsMost = Math.Min(s.BlockRows, s.M);
        bool fits = (long)s.SliceDepth * columnsMost <= MostKept, inPlace = typeof(TB) == typeof(Single32) && s.BColumn == 1 && !rounds && !MeetsItself(s.BStep) && !(fits && s.RowBlocks >= BlocksThatShare);
        bool packB = s.IsPacked == 0 && !inPlace, convertC = typeof(TC) != typeof(Single32) || s.CColumn != 1;

        // Scratch: B's panels, A's tiles, a float32 C where C is stored otherwise, and the rows of A and B before packing where they are stored otherwise. It is as large for every block, so
        // that panels stay where they are from one to the next.
        bool keepB = packB && fits;
        long panelCount = packB ? Packing.PackedCount(keepB ? s.SliceDepth : depthMost, columnsMost) : 0, tileCount = packA ? (long)(rowsMost + MicroKernel.Rows) * depthMost : 0;
        long resultCount = convertC ? (long)rowsMost * columnsMost : 0;
        long widenCount = typeof(TA) == typeof(Single32) && typeof(TB) == typeof(Single32) ? 0 : (long)Math.Max(rowsMost, columnsMost) * depthMost;
        float* panels = HostMemory.Floats(panelCount + tileCount + resultCount + widenCount), tiles = panels + panelCount, result = tiles + tileCount, widened = result + resultCount;
        bool isKept = keepB && s_kept == (s.Launch, column, slice);
        if (keepB) s_kept = (s.Launch, column, slice);

        float* target = convertC ? result : (float*)c.Address + (slice * s.CSlice) + (row * s.CRow) + column;
        nint targetRow = convertC ? columns : (nint)s.CRow;
        bool add = s.Accumulate != 0 && !convertC;
        float* columnBias = s.HasBias != 0 && s.BiasColumn != 0 ? bias.Address + column : null;
        if (s.HasBias != 0 && s.BiasRow != 0)
        {
            for (int r = 0; r < rows; r++) new Span<float>(target + (r * targetRow), columns).Fill(bias.Address[row + r]);
            add = true;
        }
        for (int k = first; k < end; k += ProductSizes.BlockDepth)
        {
            int depth = Math.Min(ProductSizes.BlockDepth, end - k);
            PanelsB from;
            if (s.IsPacked != 0) from = PanelsB.Packed(packed.Address + (column / MicroKernel.Columns * (nint)s.K * MicroKernel.Columns) + ((long)k * MicroKernel.Columns), s.K);
            else if (inPlace) from = PanelsB.InPlace((float*)b.Address + (k * s.BStep) + column, (nint)s.BStep);
            else
            {
                float* to = keepB ? panels + Packing.PackedCount(k - first, columns) : panels;
                if (!isKept)
                {
                    long began = PackingTime.Begin();
                    PackColumns(b.Address + (k * s.BStep) + (column * s.BColumn), (nint)s.BStep, (nint)s.BColumn, depth, columns, to, widened);
                    OperandRounding.Round(to, (nint)Packing.PackedCount(depth, columns), s.Precision);
                    PackingTime.End(began);
                }
                from = PanelsB.Packed(to, depth);
            }

            TA* source = a.Address + (row * s.ARow) + (k * s.AStep);
            if (!packA) MacroKernel.Multiply(PanelsA.InPlace((float*)source, (nint)s.ARow, (nint)s.AStep), from, target, targetRow, rows, columns, depth, add, columnBias);
            else
            {
                long began = PackingTime.Begin();
                PackRows(source, (nint)s.ARow, (nint)s.AStep, depth, rows, tiles, widened);
                OperandRounding.Round(tiles, (nint)(rows + MicroKernel.Rows - 1) / MicroKernel.Rows * MicroKernel.Rows * depth, s.Precision);
                PackingTime.End(began);
                MacroKernel.Multiply(PanelsA.Packed(tiles, depth), from, target, targetRow, rows, columns, depth, add, columnBias);
            }
            add = true;
            columnBias = null;
        }
        if (!convertC) return;
        TC* stored = c.Address + (slice * s.CSlice) + (row * s.CRow) + (column * s.CColumn);
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < columns; j++)
            {
                float value = result[((nint)r * columns) + j];
                TC* place = stored + (r * s.CRow) + (j * s.CColumn);
                *place = TC.FromSingle(s.Accumulate != 0 ? TC.ToSingle(*place) + value : value);
            }
        }
    }

    /// <summary>Whether steps lie whole pages of 4 KiB apart, so that all of them fall into the same few lines of a first-level cache.</summary>
    internal static bool MeetsItself(long step) => step % 1024 == 0;

    private static unsafe void PackColumns<TB>(TB* b, nint bStep, nint bColumn, int depth, int columns, float* panels, float* widened)
        where TB : unmanaged, IStorage<TB>
    {
        if (typeof(TB) == typeof(Single32))
        {
            Packing.PackB((float*)b, bStep, bColumn, depth, columns, panels);
            return;
        }
        for (int k = 0; k < depth; k++)
        {
            for (int j = 0; j < columns; j++) widened[((nint)k * columns) + j] = TB.ToSingle(b[(k * bStep) + (j * bColumn)]);
        }
        Packing.PackB(widened, columns, 1, depth, columns, panels);
    }

    private static unsafe void PackRows<TA>(TA* a, nint aRow, nint aStep, int depth, int rows, float* tiles, float* widened)
        where TA : unmanaged, IStorage<TA>
    {
        if (typeof(TA) == typeof(Single32))
        {
            Packing.PackA((float*)a, aRow, aStep, depth, rows, tiles);
            return;
        }
        for (int r = 0; r < rows; r++)
        {
            for (int k = 0; k < depth; k++) widened[((nint)r * depth) + k] = TA.ToSingle(a[(r * aRow) + (k * aStep)]);
        }
        Packing.PackA(widened, depth, 1, depth, rows, tiles);
    }

    /// <summary>A GPU's block: each thread computes 4×4 patches of C in registers.</summary>
    private static void DeviceBlock<TA, TB, TC>(
        DeviceView<TA> a, DeviceView<TB> b, DeviceView<float> packed, DeviceView<float> bias, DeviceView<TC> c, ProductSizes s, int row, int columnBlock, int slice, int lane, int lanes)
        where TA : unmanaged, IStorage<TA> where TB : unmanaged, IStorage<TB> where TC : unmanaged, IStorage<TC>
    {
        int column = columnBlock * ProductSizes.BlockColumns, first = slice * s.SliceDepth, end = first + s.SliceDepth;
        if (end > s.K) end = s.K;
        const int across = ProductSizes.BlockColumns / 4;
        int patches = across * (s.BlockRows / 4);
        for (int patch = lane; patch < patches; patch += lanes)
        {
            int i = row + (patch / across * 4), j = column + (patch % across);
            if (i < s.M && j < s.N)
            {
                // Columns of a patch lie a quarter of the block apart, so that neighbouring threads read neighbouring columns. Indices beyond the
                // matrix are moved inside; what they compute is not stored.
                int i1 = i + 1 < s.M ? i + 1 : i, i2 = i + 2 < s.M ? i + 2 : i, i3 = i + 3 < s.M ? i + 3 : i;
                int j1 = j + across < s.N ? j + across : j, j2 = j + (2 * across) < s.N ? j + (2 * across) : j, j3 = j + (3 * across) < s.N ? j + (3 * across) : j;
                float c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0, c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0;
                for (int k = first; k < end; k++)
                {
                    long ak = k * s.AStep, bk = k * s.BStep;
                    float b0 = TB.ToSingle(b[bk + (j * s.BColumn)]), b1 = TB.ToSingle(b[bk + (j1 * s.BColumn)]);
                    float b2 = TB.ToSingle(b[bk + (j2 * s.BColumn)]), b3 = TB.ToSingle(b[bk + (j3 * s.BColumn)]);
                    float v = TA.ToSingle(a[ak + (i * s.ARow)]);
                    c00 += v * b0;
                    c01 += v * b1;
                    c02 += v * b2;
                    c03 += v * b3;
                    v = TA.ToSingle(a[ak + (i1 * s.ARow)]);
                    c10 += v * b0;
                    c11 += v * b1;
                    c12 += v * b2;
                    c13 += v * b3;
                    v = TA.ToSingle(a[ak + (i2 * s.ARow)]);
                    c20 += v * b0;
                    c21 += v * b1;
                    c22 += v * b2;
                    c23 += v * b3;
                    v = TA.ToSingle(a[ak + (i3 * s.ARow)]);
                    c30 += v * b0;
                    c31 += v * b1;
                    c32 += v * b2;
                    c33 += v * b3;
                }
                StoreRow(c, bias, s, slice, i, j, c00, c01, c02, c03);
                if (i + 1 < s.M) StoreRow(c, bias, s, slice, i + 1, j, c10, c11, c12, c13);
                if (i + 2 < s.M) StoreRow(c, bias, s, slice, i + 2, j, c20, c21, c22, c23);
                if (i + 3 < s.M) StoreRow(c, bias, s, slice, i + 3, j, c30, c31, c32, c33);
            }
        }
    }

    private static void StoreRow<TC>(DeviceView<TC> c, DeviceView<float> bias, ProductSizes s, int slice, int i, int j, float v0, float v1, float v2, float v3)
        where TC : unmanaged, IStorage<TC>
    {
        const int across = ProductSizes.BlockColumns / 4;
        StoreOne(c, bias, s, slice, i, j, v0);
        if (j + across < s.N) StoreOne(c, bias, s, slice, i, j + across, v1);
        if (j + (2 * across) < s.N) StoreOne(c, bias, s, slice, i, j + (2 * across), v2);
        if (j + (3 * across) < s.N) StoreOne(c, bias, s, slice, i, j + (3 * across), v3);
    }

    private static void StoreOne<TC>(DeviceView<TC> c, DeviceView<float> bias, ProductSizes s, int slice, int i, int j, float value)
        where TC : unmanaged, IStorage<TC>
    {
        long place = (slice * s.CSlice) + (i * s.CRow) + (j * s.CColumn);
        if (s.HasBias != 0) value += bias[(i * s.BiasRow) + (j * s.BiasColumn)];
        if (s.Accumulate != 0) value += TC.ToSingle(c[place]);
        c[place] = TC.FromSingle(value);
    }
}
