using ILGPU;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>
/// The way of a head's tokens from global to shared memory (<see cref="HeadTile"/>), rounded to the format. Stored as they are multiplied they are copied
/// asynchronously; otherwise they pass through registers at once. Channels beyond the head's width and tokens beyond the last become zero.
/// </summary>
internal readonly struct HeadCopy<TFormat, TWidth, T>(HeadMemory<T> heads, int image, int head, int tokens, int width, int thread)
    where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth where T : unmanaged, IStorage<T>
{
    private readonly long _first = heads.Values.Start + (heads.First(image, head) * ElementBytes);
    private readonly int _tokenBytes = heads.TokenStride * ElementBytes, _aligned = heads.Aligned;

    // Where the second part of a joint sequence lies is a kernel argument, computed where it is used: kept, it would cost registers that sums need.
    private readonly HeadMemory<T> _heads = heads;
    private readonly int _image = image;
    private readonly int _tokens = tokens, _width = width, _thread = thread;

    private static int ElementBytes => T.ElementType == ElementType.BFloat16 ? 2 : 4;

    /// <summary>Begins to move tokens; they are there after <see cref="AsyncCopy.Commit"/>, a wait and a barrier.</summary>
    /// <param name="tile">The address in shared memory.</param>
    /// <param name="firstToken">The first.</param>
    /// <param name="count">How many lines of the tile are filled.</param>
    public void Move(long tile, int firstToken, int count)
    {
        int chunks = HeadTile.Chunks<TFormat, TWidth>();
        for (int i = _thread; i < count * chunks; i += MmaTile.Threads)
        {
            int line = i / chunks, chunk = i % chunks, token = firstToken + line;
            int left = token < _tokens ? _width - (chunk * TFormat.ChunkElements) : 0;
            long to = tile + (line * HeadTile.LineBytes<TFormat, TWidth>()) + (chunk * 16);
            long from = _first + ((long)token * _tokenBytes) + (token < _heads.Split ? 0 : _heads.Jump(_image) * ElementBytes) + (chunk * TFormat.ChunkElements * ElementBytes);
            if (_aligned == 0) ElementCopy.Move<TFormat, T>(to, from, left);
            else if (TFormat.IsStoredAs(T.ElementType)) AsyncCopy.Copy(to, from, left <= 0 ? 0 : left >= TFormat.ChunkElements ? 16 : left * ElementBytes);
            else Memory.StoreShared(to, TFormat.Pack(Memory.LoadGlobal(from, left > 0 ? 1 : 0), TFormat.ChunkElements > 4 ? Memory.LoadGlobal(from + 16, left > 4 ? 1 : 0) : default));
        }
    }

    /// <summary>The group's tokens from <paramref name="first"/> on, 16 in the registers of each warp.</summary>
    /// <param name="shared">Shared memory for all of them, free again when this returns.</param>
    /// <param name="first">The group's first token.</param>
    public HeadFragments Stage(long shared, int first)
    {
        Move(shared, first, HeadTile.GroupRows);
        AsyncCopy.Commit();
        AsyncCopy.WaitForAll();
        Group.Barrier();
        var rows = HeadFragments.Read<TFormat, TWidth>(shared, _thread);
        Group.Barrier();
        return rows;
    }
}
