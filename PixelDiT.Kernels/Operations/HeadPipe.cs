using ILGPU;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// Two operands of an attention that pass through two slots of shared memory in blocks of tokens: while one block is multiplied, the next is on its way. One barrier
/// a block: it says that a block has come whole and that the other slot is no longer read.
/// </summary>
internal readonly struct HeadPipe<TFormat, TWidth, T>(HeadFeed<TFormat, TWidth, T> first, HeadFeed<TFormat, TWidth, T> second, long shared, int tokens)
    where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth where T : unmanaged, IStorage<T>
{
    private readonly HeadFeed<TFormat, TWidth, T> _first = first, _second = second;
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
        return Slot(token) + (within * HeadTile.LineBytes<TFormat, TWidth>());
    }

    private long Slot(int token) => token / HeadTile.BlockTokens<TFormat>() % 2 == 0 ? _shared : _shared + (2 * HeadTile.BlockBytes<TFormat, TWidth>());

    private void Move(int token)
    {
        _first.Move(Slot(token), token, HeadTile.BlockTokens<TFormat>());
        _second.Move(Slot(token) + HeadTile.BlockBytes<TFormat, TWidth>(), token, HeadTile.BlockTokens<TFormat>());
        AsyncCopy.Commit();
    }
}
