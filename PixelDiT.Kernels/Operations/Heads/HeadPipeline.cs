using ILGPU;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>
/// Two operands of an attention that pass through two stages of shared memory in blocks of tokens: while one block is multiplied, the next is on its way. One barrier
/// a block: it says that a block has come whole and that the other stage is no longer read.
/// </summary>
internal readonly struct HeadPipeline<TFormat, TWidth, T>(HeadCopy<TFormat, TWidth, T> first, HeadCopy<TFormat, TWidth, T> second, long shared, int tokens)
    where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth where T : unmanaged, IStorage<T>
{
    private readonly HeadCopy<TFormat, TWidth, T> _first = first, _second = second;
    private readonly long _shared = shared;
    private readonly int _tokens = tokens;

    /// <summary>Begins to move the first block.</summary>
    public void Begin() => Move(0);

    /// <summary>
    /// The address of a token of the first operand; the second operand's lies <see cref="HeadTile.BlockBytes"/> further. All threads of the group ask for the same
    /// tokens in order, in steps that divide a block.
    /// </summary>
    public long Reach(int token)
    {
        int blockTokens = HeadTile.BlockTokens<TFormat>(), within = token % blockTokens;
        if (within == 0)
        {
            AsyncCopy.WaitForAll();
            Group.Barrier();
            if (token + blockTokens < _tokens) Move(token + blockTokens);
        }
        return Stage(token) + (within * HeadTile.LineBytes<TFormat, TWidth>());
    }

    private long Stage(int token) => token / HeadTile.BlockTokens<TFormat>() % 2 == 0 ? _shared : _shared + (2 * HeadTile.BlockBytes<TFormat, TWidth>());

    private void Move(int token)
    {
        _first.Move(Stage(token), token, HeadTile.BlockTokens<TFormat>());
        _second.Move(Stage(token) + HeadTile.BlockBytes<TFormat, TWidth>(), token, HeadTile.BlockTokens<TFormat>());
        AsyncCopy.Commit();
    }
}
