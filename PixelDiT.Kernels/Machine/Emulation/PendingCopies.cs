namespace PixelDiT.Kernels.Machine.Emulation;

/// <summary>
/// The asynchronous copies of one emulated thread, as unkind as a card may be: a copy destroys its target when it is asked for and arrives when it is waited for,
/// not before. A kernel that reads a target too early, or asks for a copy while others still read there, computes NaN.
/// </summary>
internal sealed unsafe class PendingCopies
{
    /// <summary>All bits set: a NaN as float32, as TF32 and as two bfloat16.</summary>
    public const byte Destroyed = 0xFF;

    private const int ChunkBytes = 16;

    [ThreadStatic]
    private static PendingCopies? s_mine;

    private readonly Queue<List<(long To, long From, int Bytes)>> _groups = new();
    private List<(long To, long From, int Bytes)> _open = [];

    /// <summary>Those of the calling thread.</summary>
    public static PendingCopies Mine => s_mine ??= new PendingCopies();

    /// <summary>Asks for a copy of up to 16 bytes, the rest zeros.</summary>
    public void Add(long to, long from, int bytes)
    {
        new Span<byte>((void*)to, ChunkBytes).Fill(Destroyed);
        _open.Add((to, from, bytes));
    }

    /// <summary>Closes the open group.</summary>
    public void Commit()
    {
        _groups.Enqueue(_open);
        _open = [];
    }

    /// <summary>Lets groups arrive, the oldest first, until so many are left.</summary>
    public void Wait(int left)
    {
        while (_groups.Count > left)
        {
            foreach (var (to, from, bytes) in _groups.Dequeue())
            {
                var target = new Span<byte>((void*)to, ChunkBytes);
                new Span<byte>((void*)from, bytes).CopyTo(target);
                target[bytes..].Clear();
            }
        }
    }
}
