using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Machine.Emulation;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Machine.Lanes;

/// <summary>A formula applied at every index of a range; it loads, computes and stores.</summary>
public interface IEach
{
    /// <summary>Computes elements <paramref name="i"/> to i + L.Count − 1.</summary>
    void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged;
}

/// <summary>A term of a sum over a range.</summary>
public interface ITerm
{
    /// <summary>The terms of elements <paramref name="i"/> to i + L.Count − 1.</summary>
    S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged;
}

/// <summary>A term of a sum over rows, one sum a column.</summary>
public interface IColumnTerm
{
    /// <summary>The terms of a row in columns <paramref name="column"/> to column + L.Count − 1.</summary>
    S At<L, S>(int row, int column) where L : struct, ILanes<S> where S : unmanaged;
}

/// <summary>
/// The loops around element formulas: vectors on a CPU, eight elements a thread on a GPU.
/// Several lanes share a range, each taking every <c>lanes</c>-th eight; only a GPU has more than one, so ILGPU's CPU accelerator
/// with groups of several work items runs the GPU's bodies, and tests use that.
/// </summary>
public static partial class Elements
{
    private const int MostTurns = 8, FewRows = 4;

    /// <summary>The widest group any kernel may be launched with.</summary>
    public const int MaxLanes = 256;

    /// <summary>
    /// Lanes for rows of <paramref name="n"/> elements on a GPU: each takes an eight, beyond a warp's 256 elements up to eight of them, one after the other; wider rows
    /// have several warps, and sums over them a barrier.
    /// </summary>
    public static int LanesFor(int n)
    {
        int eights = (n + GpuLanes8.Count - 1) / GpuLanes8.Count;
        int lanes = Math.Clamp((int)BitOperations.RoundUpToPowerOf2((uint)eights), 2, WarpExchange.Lanes);
        while (lanes < MaxLanes && lanes * MostTurns < eights) lanes *= 2;
        return lanes;
    }

    /// <summary>Lanes for sums over so many rows of so many columns on a GPU, at least a warp: where that leaves a lane more than a few rows, more lanes share them.</summary>
    public static int LanesForColumns(int rows, int columns)
    {
        int across = Math.Min(columns, MaxAcross * GpuLanes8.Count) / GpuLanes8.Count;
        long eights = Math.Clamp((long)Math.Max(across, 1) * rows / FewRows, WarpExchange.Lanes, MaxLanes);
        return (int)BitOperations.RoundUpToPowerOf2((uint)eights);
    }

    /// <summary>Applies a formula to [first, first + count).</summary>
    [IntrinsicImplementation, DeviceBody(nameof(DeviceFor)), MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void For<TEach>(TEach each, long first, int count, int lane, int lanes) where TEach : struct, IEach
    {
        if (lanes != 1)
        {
            DeviceFor(each, first, count, lane, lanes);
            return;
        }
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i + 16 <= count; i += 16) each.At<Lanes16, Vector512<float>>(first + i);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            for (; i + 8 <= count; i += 8) each.At<Lanes8, Vector256<float>>(first + i);
        }
        for (; i + 4 <= count; i += 4) each.At<Lanes4, Vector128<float>>(first + i);
        for (; i < count; i++) each.At<Lanes1, float>(first + i);
    }

    /// <summary>The sum of a term over [0, count), in an order that depends on <paramref name="count"/> and the vector width alone. Every work item receives it.</summary>
    [IntrinsicImplementation, DeviceBody(nameof(DeviceSum)), MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum<TTerm>(TTerm term, int count, int lane, int lanes) where TTerm : struct, ITerm
    {
        if (lanes != 1) return DeviceSum(term, count, lane, lanes);
        float sum = 0;
        int i = 0;
        if (Vector512.IsHardwareAccelerated) sum = SumVectors<TTerm, Lanes16, Vector512<float>>(ref term, count, ref i);
        else if (Vector256.IsHardwareAccelerated) sum = SumVectors<TTerm, Lanes8, Vector256<float>>(ref term, count, ref i);
        if (i + 4 <= count) sum += SumVectors<TTerm, Lanes4, Vector128<float>>(ref term, count, ref i);
        for (; i < count; i++) sum += term.At<Lanes1, float>(i);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float SumVectors<TTerm, L, S>(ref TTerm term, int count, ref int i)
        where TTerm : struct, ITerm where L : struct, ILanes<S> where S : unmanaged
    {
        S a = L.Set(0);
        if (i + 4 * L.Count <= count)
        {
            // Four running sums hide the latency of addition.
            S b = a, c = a, d = a;
            for (; i + 4 * L.Count <= count; i += 4 * L.Count)
            {
                a = L.Add(a, term.At<L, S>(i));
                b = L.Add(b, term.At<L, S>(i + L.Count));
                c = L.Add(c, term.At<L, S>(i + 2 * L.Count));
                d = L.Add(d, term.At<L, S>(i + 3 * L.Count));
            }
            a = L.Add(L.Add(a, b), L.Add(c, d));
        }
        for (; i + L.Count <= count; i += L.Count) a = L.Add(a, term.At<L, S>(i));
        return L.Sum(a);
    }

    /// <summary>Sums a term over rows [firstRow, endRow) for columns [firstColumn, endColumn) into <paramref name="output"/>, row after row.</summary>
    /// <param name="term">The term.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="endRow">The end of the rows.</param>
    /// <param name="firstColumn">The first column.</param>
    /// <param name="endColumn">The end of the columns.</param>
    /// <param name="output">Receives the sum of column c at <paramref name="offset"/> + c.</param>
    /// <param name="offset">The place of column 0.</param>
    /// <param name="accumulate">Not 0: adds to what is there.</param>
    /// <param name="lane">The work item.</param>
    /// <param name="lanes">Work items in the group.</param>
    [IntrinsicImplementation, DeviceBody(nameof(DeviceSumColumns)), MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SumColumns<TTerm>(
        TTerm term, int firstRow, int endRow, int firstColumn, int endColumn, DeviceView<float> output, long offset, int accumulate, int lane, int lanes)
        where TTerm : struct, IColumnTerm
    {
        if (lanes != 1)
        {
            DeviceSumColumns(term, firstRow, endRow, firstColumn, endColumn, output, offset, accumulate, lane, lanes);
            return;
        }
        int column = firstColumn;
        if (Vector512.IsHardwareAccelerated) SumColumnVectors<TTerm, Lanes16, Vector512<float>>(ref term, firstRow, endRow, ref column, endColumn, output, offset, accumulate);
        else if (Vector256.IsHardwareAccelerated) SumColumnVectors<TTerm, Lanes8, Vector256<float>>(ref term, firstRow, endRow, ref column, endColumn, output, offset, accumulate);
        SumColumnVectors<TTerm, Lanes4, Vector128<float>>(ref term, firstRow, endRow, ref column, endColumn, output, offset, accumulate);
        for (; column < endColumn; column++) SumColumn<TTerm, Lanes1, float>(ref term, firstRow, endRow, column, output, offset, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SumColumnVectors<TTerm, L, S>(
        ref TTerm term, int firstRow, int endRow, ref int column, int endColumn, DeviceView<float> output, long offset, int accumulate)
        where TTerm : struct, IColumnTerm where L : struct, ILanes<S> where S : unmanaged
    {
        for (; column + 4 * L.Count <= endColumn; column += 4 * L.Count)
        {
            S a = L.Set(0), b = a, c = a, d = a;
            for (int row = firstRow; row < endRow; row++)
            {
                a = L.Add(a, term.At<L, S>(row, column));
                b = L.Add(b, term.At<L, S>(row, column + L.Count));
                c = L.Add(c, term.At<L, S>(row, column + 2 * L.Count));
                d = L.Add(d, term.At<L, S>(row, column + 3 * L.Count));
            }
            Write<L, S>(output, offset + column, a, accumulate);
            Write<L, S>(output, offset + column + L.Count, b, accumulate);
            Write<L, S>(output, offset + column + 2 * L.Count, c, accumulate);
            Write<L, S>(output, offset + column + 3 * L.Count, d, accumulate);
        }
        for (; column + L.Count <= endColumn; column += L.Count) SumColumn<TTerm, L, S>(ref term, firstRow, endRow, column, output, offset, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SumColumn<TTerm, L, S>(ref TTerm term, int firstRow, int endRow, int column, DeviceView<float> output, long offset, int accumulate)
        where TTerm : struct, IColumnTerm where L : struct, ILanes<S> where S : unmanaged
    {
        S sum = L.Set(0);
        for (int row = firstRow; row < endRow; row++) sum = L.Add(sum, term.At<L, S>(row, column));
        Write<L, S>(output, offset + column, sum, accumulate);
    }

    /// <summary>Stores a value, or adds it to what is there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put<L, S, T>(DeviceView<T> view, long index, S value, int accumulate)
        where L : struct, ILanes<S> where S : unmanaged where T : unmanaged, IStorage<T>
        => L.Store(view, index, accumulate != 0 ? L.Add(L.Load(view, index), value) : value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write<L, S>(DeviceView<float> output, long index, S sum, int accumulate) where L : struct, ILanes<S> where S : unmanaged
        => L.Store(output, index, accumulate != 0 ? L.Add(L.Load(output, index), sum) : sum);
}
