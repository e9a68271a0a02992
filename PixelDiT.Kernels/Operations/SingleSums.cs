using ILGPU;
using PixelDiT.Kernels.Machine;

namespace PixelDiT.Kernels.Operations;

/// <summary>Eight values of a thread: of eight rows of A or columns of B at one k, or sums of one row of C.</summary>
internal struct Eight
{
    public float V0, V1, V2, V3, V4, V5, V6, V7;

    /// <summary>c + a·b.</summary>
    public static Eight MultiplyAdd(float a, Eight b, Eight c) => new()
    {
        V0 = (a * b.V0) + c.V0,
        V1 = (a * b.V1) + c.V1,
        V2 = (a * b.V2) + c.V2,
        V3 = (a * b.V3) + c.V3,
        V4 = (a * b.V4) + c.V4,
        V5 = (a * b.V5) + c.V5,
        V6 = (a * b.V6) + c.V6,
        V7 = (a * b.V7) + c.V7
    };
}

/// <summary>
/// What a thread reads of a tile of float32 for four steps of k. Which eight of the tile's 128 rows (or columns) are its own depends on the order in memory, so that
/// it reads 16 bytes at a time: <c>Along</c> number t, t + 16, .. t + 112; <c>Across</c> the four from 4·t and the four from 64 + 4·t.
/// </summary>
internal struct SingleSteps
{
    public Eight K0, K1, K2, K3;

    /// <summary>Reads four steps.</summary>
    /// <param name="tile">The tile's address.</param>
    /// <param name="number">The thread's number among the 16 that share the rows or columns.</param>
    /// <param name="quad">Which four steps, 0 to 3.</param>
    public static SingleSteps Read<TOrder>(long tile, int number, int quad) where TOrder : struct, IOrder
        => TOrder.AlongDepth ? ReadAlong(tile + (OperandTile.Place<SingleFormat, Along>(number, 0) ^ (quad << 4))) : ReadAcross(tile + (quad * 4 * SingleFormat.LineBytes), number << 4);

    private static SingleSteps ReadAlong(long first)
    {
        const int next = 16 * OperandTile.DepthBytes;
        Quad a = Memory.LoadSharedQuad(first), b = Memory.LoadSharedQuad(first + next), c = Memory.LoadSharedQuad(first + (2 * next)), d = Memory.LoadSharedQuad(first + (3 * next));
        Quad e = Memory.LoadSharedQuad(first + (4 * next)), f = Memory.LoadSharedQuad(first + (5 * next)), g = Memory.LoadSharedQuad(first + (6 * next)), h = Memory.LoadSharedQuad(first + (7 * next));
        return new()
        {
            K0 = Make(a.X, b.X, c.X, d.X, e.X, f.X, g.X, h.X),
            K1 = Make(a.Y, b.Y, c.Y, d.Y, e.Y, f.Y, g.Y, h.Y),
            K2 = Make(a.Z, b.Z, c.Z, d.Z, e.Z, f.Z, g.Z, h.Z),
            K3 = Make(a.W, b.W, c.W, d.W, e.W, f.W, g.W, h.W)
        };
    }

    private static SingleSteps ReadAcross(long line, int place) => new()
    {
        K0 = ReadLine(line + place),
        K1 = ReadLine(line + SingleFormat.LineBytes + (place ^ 32)),
        K2 = ReadLine(line + (2 * SingleFormat.LineBytes) + (place ^ 64)),
        K3 = ReadLine(line + (3 * SingleFormat.LineBytes) + (place ^ 96))
    };

    private static Eight ReadLine(long place)
    {
        Quad low = Memory.LoadSharedQuad(place), high = Memory.LoadSharedQuad(place + (SingleFormat.LineBytes / 2));
        return Make(low.X, low.Y, low.Z, low.W, high.X, high.Y, high.Z, high.W);
    }

    private static Eight Make(uint v0, uint v1, uint v2, uint v3, uint v4, uint v5, uint v6, uint v7) => new()
    {
        V0 = Interop.IntAsFloat(v0),
        V1 = Interop.IntAsFloat(v1),
        V2 = Interop.IntAsFloat(v2),
        V3 = Interop.IntAsFloat(v3),
        V4 = Interop.IntAsFloat(v4),
        V5 = Interop.IntAsFloat(v5),
        V6 = Interop.IntAsFloat(v6),
        V7 = Interop.IntAsFloat(v7)
    };
}

/// <summary>A thread's 8×8 sums of a tile of C.</summary>
internal struct SingleSums<TOrderA, TOrderB> : ITileSums where TOrderA : struct, IOrder where TOrderB : struct, IOrder
{
    public Eight Row0, Row1, Row2, Row3, Row4, Row5, Row6, Row7;

    /// <summary>Adds four steps of k, one after the other.</summary>
    public static SingleSums<TOrderA, TOrderB> Add(SingleSums<TOrderA, TOrderB> sums, long tile, int thread, int quad)
    {
        var a = SingleSteps.Read<TOrderA>(tile, thread >> 4, quad);
        var b = SingleSteps.Read<TOrderB>(tile + OperandTile.Bytes, thread & 15, quad);
        return Add(Add(Add(Add(sums, a.K0, b.K0), a.K1, b.K1), a.K2, b.K2), a.K3, b.K3);
    }

    private static SingleSums<TOrderA, TOrderB> Add(SingleSums<TOrderA, TOrderB> sums, Eight a, Eight b) => new()
    {
        Row0 = Eight.MultiplyAdd(a.V0, b, sums.Row0),
        Row1 = Eight.MultiplyAdd(a.V1, b, sums.Row1),
        Row2 = Eight.MultiplyAdd(a.V2, b, sums.Row2),
        Row3 = Eight.MultiplyAdd(a.V3, b, sums.Row3),
        Row4 = Eight.MultiplyAdd(a.V4, b, sums.Row4),
        Row5 = Eight.MultiplyAdd(a.V5, b, sums.Row5),
        Row6 = Eight.MultiplyAdd(a.V6, b, sums.Row6),
        Row7 = Eight.MultiplyAdd(a.V7, b, sums.Row7)
    };

    /// <inheritdoc/>
    public void Put(long shared, int lineBytes, int half, int thread)
    {
        // Four of a thread's rows lie in either half.
        int number = thread >> 4, apart = TOrderA.AlongDepth ? 16 * lineBytes : lineBytes;
        long place = shared + (number * (TOrderA.AlongDepth ? lineBytes : 4 * lineBytes));
        PutRow(half == 0 ? Row0 : Row4, place, thread & 15);
        PutRow(half == 0 ? Row1 : Row5, place + apart, thread & 15);
        PutRow(half == 0 ? Row2 : Row6, place + (2 * apart), thread & 15);
        PutRow(half == 0 ? Row3 : Row7, place + (3 * apart), thread & 15);
    }

    private static void PutRow(Eight row, long line, int number)
    {
        int apart = TOrderB.AlongDepth ? 64 : 4;
        long low = line + (number * (TOrderB.AlongDepth ? 4 : 16)), high = low + 256;
        Memory.StoreShared(low, Interop.FloatAsInt(row.V0));
        Memory.StoreShared(low + apart, Interop.FloatAsInt(row.V1));
        Memory.StoreShared(low + (2 * apart), Interop.FloatAsInt(row.V2));
        Memory.StoreShared(low + (3 * apart), Interop.FloatAsInt(row.V3));
        Memory.StoreShared(high, Interop.FloatAsInt(row.V4));
        Memory.StoreShared(high + apart, Interop.FloatAsInt(row.V5));
        Memory.StoreShared(high + (2 * apart), Interop.FloatAsInt(row.V6));
        Memory.StoreShared(high + (3 * apart), Interop.FloatAsInt(row.V7));
    }
}
