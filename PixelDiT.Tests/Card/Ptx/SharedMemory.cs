using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>
/// A group's shared memory. Of each four bytes it is known who wrote and who read them since the last barrier, so that two threads that meet in them without one are found; whether they were written at
/// all, or are being written by a copy that nobody has waited for; whether warp-group instructions are reading them; and whether their writer has published them to such instructions.
/// </summary>
internal sealed unsafe class SharedMemory : IDisposable
{
    private const int Unit = 4, EpochShift = 11, Several = (1 << EpochShift) - 1;

    private enum Content : byte
    {
        Nothing,
        Value,
        OnItsWay
    }

    private readonly byte* _data;
    private readonly int[] _writers, _readers, _moments;
    private readonly Content[] _contents;
    private readonly byte[] _inUse;
    private readonly int[] _fences, _published;
    private readonly int _threads;
    private int[]? _writeMoments, _readMoments;
    private uint[]? _readingWarps;
    private int _epoch, _moment;
    private bool _isTouched;

    /// <param name="bytes">How much there is.</param>
    /// <param name="threads">Threads of the group.</param>
    public SharedMemory(int bytes, int threads)
    {
        Bytes = (bytes + 15) & ~15;
        _data = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes + 16, 16);
        (_writers, _readers, _moments) = (new int[Bytes / Unit], new int[Bytes / Unit], new int[Bytes / Unit]);
        (_contents, _inUse) = (new Content[Bytes / Unit], new byte[Bytes / Unit]);
        (_fences, _published, _threads) = (new int[threads], new int[threads], threads);
        Phases = new Phases(this, threads);
        _isTouched = true;
    }

    /// <summary>How much there is.</summary>
    public int Bytes { get; }

    /// <summary>Barriers that lie in it, and bulk copies that arrive there.</summary>
    public Phases Phases { get; }

    /// <summary>How often all threads have met.</summary>
    public int Epoch => _epoch;

    /// <summary>A number that grows with everything that is written.</summary>
    public int Moment => _moment;

    /// <summary>From now on meetings at barriers in shared memory order accesses too.</summary>
    public void OrderByPhases()
    {
        (_writeMoments, _readMoments, _readingWarps) = (_writeMoments ?? new int[Bytes / Unit], _readMoments ?? new int[Bytes / Unit], _readingWarps ?? new uint[Bytes / Unit]);
    }

    /// <summary>Whether a thread has published, to instructions that read on their own, all that it wrote up to a moment.</summary>
    public bool HasPublished(int thread, int moment) => _fences[thread] >= moment;

    /// <summary>Forgets everything, for the next group.</summary>
    public void Reset()
    {
        _epoch++;
        if (!_isTouched && _epoch < 1 << 18) return;
        NativeMemory.Fill(_data, (nuint)Bytes, 0xFF);
        foreach (int[] numbers in (int[][])[_writers, _readers, _moments, _fences, _published]) Array.Clear(numbers);
        Array.Clear(_contents);
        Array.Clear(_inUse);
        (_epoch, _moment, _isTouched) = (1, 1, false);
        Phases.Reset();
    }

    /// <summary>All threads have met.</summary>
    public void Barrier()
    {
        _epoch++;
        Array.Copy(_fences, _published, _fences.Length);
        if (_epoch >= 1 << 19) throw new PtxFault("a group has more barriers than the interpreter counts");
    }

    /// <summary>A thread publishes what it wrote; after a barrier, warp-group instructions may read it.</summary>
    public void Fence(int thread) => _fences[thread] = ++_moment;

    /// <summary>The place of bytes that a thread reads.</summary>
    public byte* Read(int thread, long address, int bytes)
    {
        int first = Place(address, bytes, "read");
        for (int unit = first / Unit; unit < (first + bytes) / Unit; unit++) Read(unit, thread);
        return _data + first;
    }

    /// <summary>The place of bytes that a thread writes.</summary>
    public byte* Write(int thread, long address, int bytes)
    {
        int first = Place(address, bytes, "written");
        for (int unit = first / Unit; unit < (first + bytes) / Unit; unit++) Write(unit, thread, Content.Value);
        return _data + first;
    }

    /// <summary>8 bytes that a thread writes.</summary>
    public nint WriteWords(int thread, long address) => (nint)Write(thread, address, 8);

    /// <summary>A copy to 16 bytes begins: what was there is lost.</summary>
    public void BeginCopy(int thread, long address)
    {
        int first = Place(address, 16, "copied");
        for (int unit = first / Unit; unit < (first + 16) / Unit; unit++) Write(unit, thread, Content.OnItsWay);
        new Span<byte>(_data + first, 16).Fill(0xFF);
    }

    /// <summary>The copy has come, to the eyes of its thread; others need a barrier.</summary>
    public void EndCopy(int thread, long address, ReadOnlySpan<byte> values)
    {
        int first = Place(address, 16, "copied");
        for (int unit = first / Unit; unit < (first + 16) / Unit; unit++)
        {
            _contents[unit] = Content.Nothing;
            Write(unit, thread, Content.Value);
        }
        values.CopyTo(new Span<byte>(_data + first, 16));
    }

    /// <summary>A bulk copy has come to 16 bytes; the moment of it is told by the barrier that counts it.</summary>
    public void EndBulkCopy(int thread, long address, ReadOnlySpan<byte> values)
    {
        EndCopy(thread, address, values);
        // It was written by what reads on its own.
        for (int unit = Place(address, 16, "copied") / Unit, end = unit + (16 / Unit); unit < end; unit++) _moments[unit] = 0;
    }

    /// <summary>An element of 16 bits that a warp-group instruction reads, now and until it is waited for.</summary>
    /// <param name="thread">The warp group's first thread.</param>
    /// <param name="address">Its address.</param>
    /// <param name="units">Receives what is in use, to be given back.</param>
    public ushort ReadByWarpGroup(int thread, long address, List<int> units)
    {
        int place = (int)(address - PtxText.SharedStart);
        if ((uint)place > (uint)(Bytes - 2)) throw new PtxFault($"a warp-group instruction reads at {address}, beyond the {Bytes} bytes of shared memory");
        int unit = place / Unit;
        if (_inUse[unit] == 0 || _readers[unit] >> EpochShift != _epoch)
        {
            int writer = (_writers[unit] & Several) - 1;
            if (_contents[unit] == Content.Value && (_writers[unit] >> EpochShift != _epoch ? _published : _fences)[writer] < _moments[unit])
                throw new PtxFault($"a warp-group instruction reads at {address} what thread {(_writers[unit] & Several) - 1} wrote and no fence.proxy.async published before the barrier");
            Read(unit, thread);
        }
        if (_inUse[unit] < 255)
        {
            _inUse[unit]++;
            units.Add(unit);
        }
        return *(ushort*)(_data + place);
    }

    /// <summary>Warp-group instructions have ended.</summary>
    public void GiveBack(List<int> units)
    {
        foreach (int unit in units) _inUse[unit]--;
        units.Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Place(long address, int bytes, string done)
    {
        if (bytes < Unit) throw new PtxFault($"{bytes} bytes of shared memory are {done}: the interpreter knows accesses of 4, 8 and 16");
        if ((address & (bytes - 1)) != 0) throw new PtxFault($"{bytes} bytes of shared memory are {done} at {address}, which is no multiple of {bytes}");
        long place = address - PtxText.SharedStart;
        if ((ulong)place > (ulong)(Bytes - bytes)) throw new PtxFault($"{bytes} bytes are {done} at {address}, beyond the {Bytes} bytes of shared memory that begin at {PtxText.SharedStart}");
        return (int)place;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Read(int unit, int thread)
    {
        int own = (_epoch << EpochShift) | (thread + 1), writer = _writers[unit];
        if (_contents[unit] != Content.Value) throw new PtxFault(_contents[unit] == Content.Nothing ? $"shared memory at {Address(unit)} is read, and nothing was written to it" : $"shared memory at {Address(unit)} is read while a copy to it has not been waited for");
        if (writer != own && writer >> EpochShift == _epoch && !Knows(thread, writer, _writeMoments, unit)) throw new PtxFault($"thread {thread} reads shared memory at {Address(unit)} that thread {(writer & Several) - 1} wrote without a barrier since");
        int reader = _readers[unit];
        _readers[unit] = reader == own || reader >> EpochShift != _epoch ? own : (_epoch << EpochShift) | Several;
        if (_readMoments is null) return;
        _readMoments[unit] = ++_moment;
        _readingWarps![unit] = (reader >> EpochShift != _epoch ? 0 : _readingWarps[unit]) | (1u << (thread / ThreadGroup.Warp));
    }

    /// <summary>Whether an access of another thread since the last barrier is known to a thread by its meetings.</summary>
    private bool Knows(int thread, int other, int[]? moments, int unit) => moments is not null && Phases.Knows(thread, (other & Several) - 1, moments[unit]);

    private bool KnowsReaders(int thread, int reader, int unit)
    {
        if (_readMoments is null) return false;
        if ((reader & Several) != Several) return Phases.Knows(thread, (reader & Several) - 1, _readMoments[unit]);
        for (int other = 0; other < _threads; other++)
        {
            if ((_readingWarps![unit] >> (other / ThreadGroup.Warp) & 1) != 0 && other != thread && !Phases.Knows(thread, other, _readMoments[unit])) return false;
        }
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Write(int unit, int thread, Content content)
    {
        int own = (_epoch << EpochShift) | (thread + 1), writer = _writers[unit], reader = _readers[unit];
        if (writer != own && writer >> EpochShift == _epoch && !Knows(thread, writer, _writeMoments, unit)) throw new PtxFault($"thread {thread} writes shared memory at {Address(unit)} that thread {(writer & Several) - 1} wrote without a barrier since");
        if (reader != own && reader >> EpochShift == _epoch && !KnowsReaders(thread, reader, unit))
            throw new PtxFault($"thread {thread} writes shared memory at {Address(unit)} that {((reader & Several) == Several ? "several threads" : $"thread {(reader & Several) - 1}")} read without a barrier since");
        if (_contents[unit] == Content.OnItsWay) throw new PtxFault($"thread {thread} writes shared memory at {Address(unit)} while a copy to it has not been waited for");
        if (_inUse[unit] != 0) throw new PtxFault($"thread {thread} writes shared memory at {Address(unit)} while a warp-group instruction reads it");
        _writers[unit] = own;
        _moments[unit] = ++_moment;
        _contents[unit] = content;
        if (_writeMoments is not null) _writeMoments[unit] = _moment;
        _isTouched = true;
    }

    private static int Address(int unit) => PtxText.SharedStart + (unit * Unit);

    public void Dispose() => NativeMemory.AlignedFree(_data);
}
