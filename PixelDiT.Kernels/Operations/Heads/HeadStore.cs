using ILGPU;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>The way of a group's sums, 128 tokens by the channels of a head, to memory: through shared memory, so that each thread writes four channels side by side.</summary>
internal readonly struct HeadStore<TWidth, T>(HeadMemory<T> target, int image, int head, int tokens, int width, long shared)
    where TWidth : struct, IHeadWidth where T : unmanaged, IStorage<T>
{
    private readonly HeadMemory<T> _target = target;
    private readonly long _first = target.First(image, head), _shared = shared;
    private readonly int _image = image;
    private readonly int _tokens = tokens, _width = width;

    // Float32 with an odd number of chunks a token: eight tokens' pairs then lie in as few banks' turns as they can.
    private static int LineBytes => (TWidth.Pieces * 64) + 16;

    /// <summary>Writes the sums as far as there are tokens and channels; all threads of the group take part.</summary>
    /// <param name="sums">What the thread holds.</param>
    /// <param name="firstToken">The group's first token.</param>
    /// <param name="thread">The thread.</param>
    public void Store(HeadAccumulators sums, int firstToken, int thread)
    {
        Group.Barrier();
        long place = _shared + ((((thread >> 5) * 16) + ((thread & 31) >> 2)) * LineBytes) + ((thread & 3) * 8);
        Put(sums.C0, place);
        Put(sums.C1, place + 64);
        if (TWidth.Pieces > 2) Put(sums.C2, place + 128);
        if (TWidth.Pieces > 2) Put(sums.C3, place + 192);
        if (TWidth.Pieces > 4) Put(sums.C4, place + 256);
        Group.Barrier();
        int quads = _width / 4;
        for (int i = thread; i < HeadTile.GroupRows * quads; i += MmaTile.Threads)
        {
            int line = i / quads, quad = i % quads, token = firstToken + line;
            if (token < _tokens) Write(_first + ((long)token * _target.TokenStride) + (token < _target.Split ? 0 : _target.Jump(_image)) + (quad * 4), Memory.LoadSharedQuad(_shared + (line * LineBytes) + (quad * 16)));
        }
    }

    private static void Put(Accumulators16x16 sums, long place)
    {
        Memory.StoreShared(place, LineBytes, sums.Left);
        Memory.StoreShared(place + 32, LineBytes, sums.Right);
    }

    private void Write(long place, UInt4 bits)
    {
        Float4 values = Float4.AsFloats(bits);
        if (_target.Aligned != 0)
        {
            Float4.Write(_target.Values, place, values);
            return;
        }
        _target.Values[place] = T.FromSingle(values.X);
        _target.Values[place + 1] = T.FromSingle(values.Y);
        _target.Values[place + 2] = T.FromSingle(values.Z);
        _target.Values[place + 3] = T.FromSingle(values.W);
    }
}
