using System.Runtime.CompilerServices;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>An address in an instruction: a register and a number of bytes.</summary>
internal readonly record struct Address(Register Base, long Offset);

/// <summary>ld.param: the same for every thread.</summary>
internal sealed unsafe class LoadParameter(Register d, int offset, int bytes) : Instruction
{
    public override void Run(ThreadGroup group)
    {
        ulong value = 0;
        for (int i = 0; i < bytes; i++) value |= (ulong)group.Parameters[offset + i] << (8 * i);
        if (d.Bytes == 8)
        {
            ulong* to = group.Row<ulong>(d);
            foreach (int thread in group.Active) to[thread] = value;
        }
        else
        {
            uint* to = group.Row<uint>(d);
            foreach (int thread in group.Active) to[thread] = (uint)value;
        }
    }
}

/// <summary>ld.global and st.global, of one to four elements.</summary>
internal sealed unsafe class GlobalAccess(Register[] values, Address address, int bytes, bool stores) : Instruction
{
    public override void Run(ThreadGroup group)
    {
        long* from = group.Row<long>(address.Base);
        int whole = bytes * values.Length;
        if (bytes == 8)
        {
            foreach (int thread in group.Active)
            {
                var place = (ulong*)(stores ? group.Memory.Write(from[thread] + address.Offset, whole) : group.Memory.Read(from[thread] + address.Offset, whole));
                for (int i = 0; i < values.Length; i++)
                {
                    if (stores) place[i] = group.Row<ulong>(values[i])[thread];
                    else group.Row<ulong>(values[i])[thread] = place[i];
                }
            }
            return;
        }
        uint** rows = stackalloc uint*[values.Length];
        for (int i = 0; i < values.Length; i++) rows[i] = group.Row<uint>(values[i]);
        foreach (int thread in group.Active)
        {
            byte* place = stores ? group.Memory.Write(from[thread] + address.Offset, whole) : group.Memory.Read(from[thread] + address.Offset, whole);
            for (int i = 0; i < values.Length; i++)
            {
                if (stores) Unsafe.CopyBlockUnaligned(place + (i * bytes), rows[i] + thread, (uint)bytes);
                else rows[i][thread] = bytes == 4 ? ((uint*)place)[i] : bytes == 2 ? ((ushort*)place)[i] : place[i];
            }
        }
    }
}

/// <summary>ld.shared and st.shared, of one to four elements of 32 bits.</summary>
internal sealed unsafe class SharedAccess(Register[] values, Address address, bool stores) : Instruction
{
    public override void Run(ThreadGroup group)
    {
        long* from = group.Row<long>(address.Base);
        int whole = 4 * values.Length;
        uint** rows = stackalloc uint*[values.Length];
        for (int i = 0; i < values.Length; i++) rows[i] = group.Row<uint>(values[i]);
        foreach (int thread in group.Active)
        {
            var place = (uint*)(stores ? group.Shared.Write(thread, from[thread] + address.Offset, whole) : group.Shared.Read(thread, from[thread] + address.Offset, whole));
            for (int i = 0; i < values.Length; i++)
            {
                if (stores) place[i] = rows[i][thread];
                else rows[i][thread] = place[i];
            }
        }
    }
}

/// <summary>cp.async of 16 bytes, of which the last may be zeros instead.</summary>
internal sealed unsafe class BeginCopy(Address to, Address from, Register? bytes) : Instruction
{
    public override void Run(ThreadGroup group)
    {
        long* targets = group.Row<long>(to.Base), sources = group.Row<long>(from.Base);
        foreach (int thread in group.Active)
        {
            int size = bytes is { } count ? group.Row<int>(count)[thread] : 16;
            if (size is < 0 or > 16) throw new PtxFault($"thread {thread} copies {size} of 16 bytes");
            group.Shared.BeginCopy(thread, targets[thread] + to.Offset);
            group.Copies.Add(thread, targets[thread] + to.Offset, size > 0 ? group.Memory.ReadSome(sources[thread] + from.Offset, size) : []);
        }
    }
}

/// <summary>cp.async.commit_group.</summary>
internal sealed class CommitCopies : Instruction
{
    public override void Run(ThreadGroup group)
    {
        foreach (int thread in group.Active) group.Copies.Commit(thread);
    }
}

/// <summary>cp.async.wait_group.</summary>
internal sealed class WaitForCopies(int left) : Instruction
{
    public override void Run(ThreadGroup group)
    {
        foreach (int thread in group.Active) group.Copies.Wait(thread, left, group.Shared);
    }
}

/// <summary>fence.proxy.async of shared memory.</summary>
internal sealed class FenceInstruction : Instruction
{
    public override void Run(ThreadGroup group)
    {
        foreach (int thread in group.Active) group.Shared.Fence(thread);
    }
}

/// <summary>Copies to shared memory that have been asked for. They come when their thread waits for their group, as late as they may.</summary>
internal sealed class AsyncCopies
{
    [InlineArray(16)]
    private struct Bytes
    {
        private byte _first;
    }

    private readonly record struct Copy(long To, int Group, Bytes Values);

    private readonly Queue<Copy>[] _copies;
    private readonly int[] _groups;
    private bool _isUsed;

    public AsyncCopies(int threads)
    {
        _copies = new Queue<Copy>[threads];
        _groups = new int[threads];
        for (int i = 0; i < threads; i++) _copies[i] = new();
    }

    /// <summary>A copy of a thread's open group; what is missing of its 16 bytes is zero.</summary>
    public void Add(int thread, long to, ReadOnlySpan<byte> values)
    {
        Bytes bytes = default;
        values.CopyTo(bytes);
        _copies[thread].Enqueue(new(to, _groups[thread], bytes));
        _isUsed = true;
    }

    /// <summary>Closes a thread's open group.</summary>
    public void Commit(int thread) => _groups[thread]++;

    /// <summary>Lets all groups of a thread come but the newest.</summary>
    public void Wait(int thread, int left, SharedMemory shared)
    {
        var copies = _copies[thread];
        while (copies.TryPeek(out var copy) && copy.Group < _groups[thread] - left)
        {
            var values = copy.Values;
            shared.EndCopy(thread, copy.To, values);
            copies.Dequeue();
        }
    }

    /// <summary>For the next group of threads.</summary>
    public void Reset()
    {
        if (!_isUsed) return;
        foreach (var copies in _copies) copies.Clear();
        Array.Clear(_groups);
        _isUsed = false;
    }
}
