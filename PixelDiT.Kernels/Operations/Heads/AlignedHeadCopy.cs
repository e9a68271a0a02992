using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>
/// The way of a head's tokens in bfloat16 from global to shared memory where every token begins at a multiple of 16 bytes: what <see cref="HeadCopy{TFormat, TWidth, T}"/> does, with all that does not change from block to
/// block computed once. A thread always copies the same chunk of its tokens, which lie a fixed number of lines apart.
/// </summary>
internal readonly struct AlignedHeadCopy<TWidth>(HeadMemory<BFloat16> heads, int image, int head, int tokens, int width, int thread) where TWidth : struct, IHeadWidth
{
    private readonly long _from = heads.Values.Start + (2 * (heads.First(image, head) + ((long)(thread / LineThreads) * heads.TokenStride) + (thread % LineThreads * 8)));
    private readonly long _turn = 2L * TurnLines * heads.TokenStride, _jump = 2 * heads.Jump(image);
    private readonly int _tokens = tokens, _split = heads.Split;
    private readonly int _tokenBytes = 2 * heads.TokenStride, _tokensFrom = tokens - (thread / LineThreads), _splitFrom = heads.Split - (thread / LineThreads);
    private readonly int _to = (thread / LineThreads * Line) + (thread % LineThreads * 16), _chunk = thread % LineThreads;
    private readonly int _bytes = width - (thread % LineThreads * 8) >= 8 ? 16 : width > thread % LineThreads * 8 ? 2 * (width - (thread % LineThreads * 8)) : 0;

    /// <summary>Threads side by side along a token; of a token of ten chunks six have nothing to do.</summary>
    private static int LineThreads => TWidth.Pieces <= 2 ? 4 : TWidth.Pieces <= 4 ? 8 : 16;

    private static int TurnLines => MmaTile.Threads / LineThreads;

    private static int Chunks => TWidth.Pieces * 2;

    private static int Line => HeadTile.LineBytes<BFloat16Format, TWidth>();

    /// <summary>Begins to move tokens; they are there after <see cref="AsyncCopy.Commit"/>, a wait and a barrier.</summary>
    /// <param name="tile">The address in shared memory.</param>
    /// <param name="firstToken">The first.</param>
    /// <param name="count">How many lines of the tile are filled, a multiple of 64.</param>
    public void Move(long tile, int firstToken, int count)
    {
        if (_chunk >= Chunks) return;
        long to = tile + _to, from = _from + ((long)firstToken * _tokenBytes);
        int end = firstToken + count;
        if (end <= _tokens && end <= _split)
        {
            // Nearly all blocks: nothing to ask.
            for (int line = 0; line < count; line += TurnLines)
            {
                AsyncCopy.Copy(to, from, _bytes);
                to += TurnLines * Line;
                from += _turn;
            }
            return;
        }
        for (int line = 0; line < count; line += TurnLines)
        {
            int token = firstToken + line;
            AsyncCopy.Copy(to, token < _splitFrom ? from : from + _jump, token < _tokensFrom ? _bytes : 0);
            to += TurnLines * Line;
            from += _turn;
        }
    }

    /// <summary>The group's tokens from <paramref name="first"/> on, 16 in the registers of each warp.</summary>
    /// <param name="shared">Shared memory for all of them, free again when this returns.</param>
    /// <param name="first">The group's first token.</param>
    /// <param name="thread">The thread.</param>
    public HeadFragments Stage(long shared, int first, int thread)
    {
        Move(shared, first, HeadTile.GroupRows);
        AsyncCopy.Commit();
        AsyncCopy.WaitForAll();
        ILGPU.Group.Barrier();
        var rows = HeadFragments.Read<BFloat16Format, TWidth>(shared, thread);
        ILGPU.Group.Barrier();
        return rows;
    }
}
