using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>
/// Attention's forward for 128 queries of one image and head, 16 of them in the registers of each of 8 warps. Keys and values pass through two stages of shared
/// memory: while one block is multiplied, the next is on its way.
/// </summary>
internal readonly struct TiledAttentionForward<TFormat, TWidth, T>(
    HeadMemory<T> q, HeadMemory<T> k, HeadMemory<T> v, HeadMemory<T> o, DeviceView<float> lse, AttentionSizes sizes, int tiles) : ILaunchBounds
    where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth where T : unmanaged, IStorage<T>
{
    private readonly HeadMemory<T> _q = q, _k = k, _v = v, _o = o;
    private readonly DeviceView<float> _lse = lse;
    private readonly int _tokens = sizes.Tokens, _heads = sizes.Heads, _width = sizes.Width, _tiles = tiles;
    private readonly float _scale = sizes.Scale;

    // Two groups hide each other's barriers; operands of 32 bits leave no registers for the second.
    public static int MinGroupsPerMultiprocessor => TFormat.Steps16 == 1 ? 2 : 1;

    public void Run(int item, int lane, int lanes)
    {
        int first = item % _tiles * HeadTile.GroupRows, pair = item / _tiles, image = pair / _heads, head = pair % _heads, row = first + ((lane >> 5) * 16);
        long shared = Memory.Shared();
        var queries = new HeadCopy<TFormat, TWidth, T>(_q, image, head, _tokens, _width, lane).Stage(shared, first);
        var pipe = new HeadPipeline<TFormat, TWidth, T>(
            new(_k, image, head, _tokens, _width, lane), new(_v, image, head, _tokens, _width, lane), shared, _tokens);
        pipe.Begin();

        int startKeys = HeadTile.StartOfColumns<TFormat, TWidth>(lane & 31), startValues = TFormat.StartMNMajor(HeadTile.LineBytes<TFormat, TWidth>(), lane & 31);
        var softmax = OnlineSoftmax.Empty;
        for (int token = 0; token < _tokens; token += HeadTile.StepTokens)
        {
            long keys = pipe.Reach(token);
            // A warp whose queries lie beyond the last only helps to move blocks.
            if (row >= _tokens) continue;
            var scores = HeadFragments.Multiply<TFormat, TWidth>(queries, keys + startKeys);
            softmax = OnlineSoftmax.Add<TFormat, TWidth>(softmax, scores, _scale, _tokens - token, keys + HeadTile.BlockBytes<TFormat, TWidth>(), startValues, lane & 31);
        }

        float upper = QuadReduce.Sum(softmax.UpperSum), lower = QuadReduce.Sum(softmax.LowerSum);
        int token0 = row + ((lane & 31) >> 2);
        long place = ((((long)image * _heads) + head) * _tokens) + token0;
        if ((lane & 3) == 0)
        {
            if (token0 < _tokens) _lse[place] = softmax.UpperTop + MathF.Log(upper);
            if (token0 + 8 < _tokens) _lse[place + 8] = softmax.LowerTop + MathF.Log(lower);
        }
        new HeadStore<TWidth, T>(_o, image, head, _tokens, _width, shared).Store(HeadAccumulators.Scale(softmax.Sums, 1f / upper, 1f / lower), first, lane);
    }
}
