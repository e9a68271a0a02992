using ILGPU;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>
/// What a thread reads of a tile of float32 for four steps of k. Which eight of the tile's 128 rows (or columns) are its own depends on the order in memory, so that
/// it reads 16 bytes at a time: K-major number t, t + 16, .. t + 112; MN-major the four from 4·t and the four from 64 + 4·t.
/// </summary>
internal struct SimtFragments
{
    public Float8 K0, K1, K2, K3;

    /// <summary>Reads four steps.</summary>
    /// <param name="tile">The tile's address.</param>
    /// <param name="number">The thread's number among the 16 that share the rows or columns.</param>
    /// <param name="quad">Which four steps, 0 to 3.</param>
    public static SimtFragments Read<TMajor>(long tile, int number, int quad) where TMajor : struct, IMajor
        => TMajor.IsKMajor ? ReadKMajor(tile + (MmaTile.SwizzledOffset<SingleFormat, KMajor>(number, 0) ^ (quad << 4))) : ReadMNMajor(tile + (quad * 4 * SingleFormat.LineBytes), number << 4);

    private static SimtFragments ReadKMajor(long first)
    {
        const int next = 16 * MmaTile.DepthBytes;
        UInt4 a = Memory.LoadSharedQuad(first), b = Memory.LoadSharedQuad(first + next), c = Memory.LoadSharedQuad(first + (2 * next)), d = Memory.LoadSharedQuad(first + (3 * next));
        UInt4 e = Memory.LoadSharedQuad(first + (4 * next)), f = Memory.LoadSharedQuad(first + (5 * next)), g = Memory.LoadSharedQuad(first + (6 * next)), h = Memory.LoadSharedQuad(first + (7 * next));
        return new()
        {
            K0 = Make(a.X, b.X, c.X, d.X, e.X, f.X, g.X, h.X),
            K1 = Make(a.Y, b.Y, c.Y, d.Y, e.Y, f.Y, g.Y, h.Y),
            K2 = Make(a.Z, b.Z, c.Z, d.Z, e.Z, f.Z, g.Z, h.Z),
            K3 = Make(a.W, b.W, c.W, d.W, e.W, f.W, g.W, h.W)
        };
    }

    private static SimtFragments ReadMNMajor(long line, int place) => new()
    {
        K0 = ReadLine(line + place),
        K1 = ReadLine(line + SingleFormat.LineBytes + (place ^ 32)),
        K2 = ReadLine(line + (2 * SingleFormat.LineBytes) + (place ^ 64)),
        K3 = ReadLine(line + (3 * SingleFormat.LineBytes) + (place ^ 96))
    };

    private static Float8 ReadLine(long place)
    {
        UInt4 low = Memory.LoadSharedQuad(place), high = Memory.LoadSharedQuad(place + (SingleFormat.LineBytes / 2));
        return Make(low.X, low.Y, low.Z, low.W, high.X, high.Y, high.Z, high.W);
    }

    private static Float8 Make(uint v0, uint v1, uint v2, uint v3, uint v4, uint v5, uint v6, uint v7) => new()
    {
        A = Interop.IntAsFloat(v0),
        B = Interop.IntAsFloat(v1),
        C = Interop.IntAsFloat(v2),
        D = Interop.IntAsFloat(v3),
        E = Interop.IntAsFloat(v4),
        F = Interop.IntAsFloat(v5),
        G = Interop.IntAsFloat(v6),
        H = Interop.IntAsFloat(v7)
    };
}

/// <summary>A thread's 8×8 sums of a tile of C.</summary>
internal struct SimtAccumulators<TMajorA, TMajorB> : IAccumulatorTile where TMajorA : struct, IMajor where TMajorB : struct, IMajor
{
    public Float8 Row0, Row1, Row2, Row3, Row4, Row5, Row6, Row7;

    /// <summary>Adds four steps of k, one after the other.</summary>
    public static SimtAccumulators<TMajorA, TMajorB> Add(SimtAccumulators<TMajorA, TMajorB> sums, long tile, int thread, int quad)
    {
        var a = SimtFragments.Read<TMajorA>(tile, thread >> 4, quad);
        var b = SimtFragments.Read<TMajorB>(tile + MmaTile.Bytes, thread & 15, quad);
        return Add(Add(Add(Add(sums, a.K0, b.K0), a.K1, b.K1), a.K2, b.K2), a.K3, b.K3);
    }

    private static SimtAccumulators<TMajorA, TMajorB> Add(SimtAccumulators<TMajorA, TMajorB> sums, Float8 a, Float8 b) => new()
    {
        Row0 = Float8.MultiplyAdd(a.A, b, sums.Row0),
        Row1 = Float8.MultiplyAdd(a.B, b, sums.Row1),
        Row2 = Float8.MultiplyAdd(a.C, b, sums.Row2),
        Row3 = Float8.MultiplyAdd(a.D, b, sums.Row3),
        Row4 = Float8.MultiplyAdd(a.E, b, sums.Row4),
        Row5 = Float8.MultiplyAdd(a.F, b, sums.Row5),
        Row6 = Float8.MultiplyAdd(a.G, b, sums.Row6),
        Row7 = Float8.MultiplyAdd(a.H, b, sums.Row7)
    };

    /// <inheritdoc/>
    public void StoreShared(long shared, int lineBytes, int half, int thread)
    {
        // Four of a thread's rows lie in either half.
        int number = thread >> 4, apart = TMajorA.IsKMajor ? 16 * lineBytes : lineBytes;
        long place = shared + (number * (TMajorA.IsKMajor ? lineBytes : 4 * lineBytes));
        PutRow(half == 0 ? Row0 : Row4, place, thread & 15);
        PutRow(half == 0 ? Row1 : Row5, place + apart, thread & 15);
        PutRow(half == 0 ? Row2 : Row6, place + (2 * apart), thread & 15);
        PutRow(half == 0 ? Row3 : Row7, place + (3 * apart), thread & 15);
    }

    private static void PutRow(Float8 row, long line, int number)
    {
        int apart = TMajorB.IsKMajor ? 64 : 4;
        long low = line + (number * (TMajorB.IsKMajor ? 4 : 16)), high = low + 256;
        Memory.StoreShared(low, Interop.FloatAsInt(row.A));
        Memory.StoreShared(low + apart, Interop.FloatAsInt(row.B));
        Memory.StoreShared(low + (2 * apart), Interop.FloatAsInt(row.C));
        Memory.StoreShared(low + (3 * apart), Interop.FloatAsInt(row.D));
        Memory.StoreShared(high, Interop.FloatAsInt(row.E));
        Memory.StoreShared(high + apart, Interop.FloatAsInt(row.F));
        Memory.StoreShared(high + (2 * apart), Interop.FloatAsInt(row.G));
        Memory.StoreShared(high + (3 * apart), Interop.FloatAsInt(row.H));
    }
}
