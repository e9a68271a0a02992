using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>
/// A group of threads at work. A register is a row of memory, a value a thread, and an instruction goes over the row at once. Of threads that are at different places those at the lowest go on first, so
/// that they meet the others at the next common place. Threads at an instruction which they must execute together wait for the absent while anybody else can go on.
/// </summary>
internal sealed unsafe class ThreadGroup : IDisposable
{
    /// <summary>Threads of a warp.</summary>
    public const int Warp = 32;

    private enum State : byte
    {
        Running,
        Parked,
        Waiting,
        Sleeping,
        Ended
    }

    private readonly PtxKernel _kernel;
    private readonly byte* _rows;
    private readonly nuint _rowBytes;
    private readonly int[] _places, _active;
    private readonly State[] _states;
    private readonly bool[] _isActive;
    private readonly (long Barrier, int Parity)[] _sleeps;
    private int _live;

    /// <param name="kernel">What they run.</param>
    /// <param name="threads">How many there are.</param>
    /// <param name="dynamicShared">Bytes of shared memory beside what the kernel declares.</param>
    public ThreadGroup(PtxKernel kernel, int threads, int dynamicShared)
    {
        (_kernel, Threads) = (kernel, threads);
        Padded = (threads + 31) & ~31;
        _rowBytes = (nuint)Padded * 4;
        _rows = (byte*)NativeMemory.AlignedAlloc(((nuint)kernel.Slots * _rowBytes) + 64, 64);
        NativeMemory.Clear(_rows, (nuint)kernel.Slots * _rowBytes);
        (_places, _active, _states, _isActive, _sleeps) = (new int[threads], new int[threads], new State[threads], new bool[Padded], new (long, int)[threads]);
        Mask = (uint*)NativeMemory.AlignedAlloc((nuint)Padded * 4, 64);
        WideMask = (ulong*)NativeMemory.AlignedAlloc((nuint)Padded * 8, 64);
        Shared = new SharedMemory(kernel.Text.SharedBytes + dynamicShared, threads);
        Copies = new AsyncCopies(threads);
        WarpGroups = new WarpGroups(threads);
        foreach (var (register, bits) in kernel.Constants) Fill(register, bits);
        if (kernel.Specials.TryGetValue("%ntid.x", out var size)) Fill(size, (ulong)threads);
        for (int i = 0; i < Padded; i++)
        {
            if (kernel.Specials.TryGetValue("%tid.x", out var index)) Row<uint>(index)[i] = (uint)i;
            if (kernel.Specials.TryGetValue("%laneid", out var lane)) Row<uint>(lane)[i] = (uint)i % Warp;
        }
    }

    /// <summary>Threads of the group.</summary>
    public int Threads { get; }

    /// <summary>Values of a row: whole warps.</summary>
    public int Padded { get; }

    /// <summary>Whether all threads are active.</summary>
    public bool IsFull { get; private set; }

    /// <summary>All ones for each active thread.</summary>
    public uint* Mask { get; }

    /// <summary>The same for values of 64 bits.</summary>
    public ulong* WideMask { get; }

    /// <summary>The active threads in order.</summary>
    public ReadOnlySpan<int> Active => _active.AsSpan(0, ActiveCount);

    /// <summary>How many are active.</summary>
    public int ActiveCount { get; private set; }

    /// <summary>The group's shared memory.</summary>
    public SharedMemory Shared { get; }

    /// <summary>Copies that are on their way.</summary>
    public AsyncCopies Copies { get; }

    /// <summary>Warp-group instructions that are on their way.</summary>
    public WarpGroups WarpGroups { get; }

    /// <summary>The card's memory.</summary>
    public DeviceMemory Memory { get; private set; } = null!;

    /// <summary>The kernel's parameters.</summary>
    public byte[] Parameters { get; private set; } = [];

    /// <summary>The row of a register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T* Row<T>(Register register) where T : unmanaged => (T*)(_rows + ((nuint)register.Slot * _rowBytes));

    /// <summary>Whether a thread is active.</summary>
    public bool IsActive(int thread) => _isActive[thread];

    /// <summary>Runs one group from its beginning to its end.</summary>
    public void Run(DeviceMemory memory, Launch launch, int index)
    {
        (Memory, Parameters) = (memory, launch.Parameters);
        if (_kernel.Specials.TryGetValue("%ctaid.x", out var own)) Fill(own, (ulong)index);
        Array.Clear(_places);
        Array.Clear(_states);
        _live = Threads;
        Shared.Reset();
        Copies.Reset();
        WarpGroups.Reset();
        int place = 0;
        try
        {
            while (_live > 0)
            {
                Choose(ref place);
                Advance(ref place);
            }
            Shared.Phases.RequireNoCopy();
        }
        catch (PtxFault fault)
        {
            throw new PtxFault($"{_kernel.Name}: {fault.Message}; group {index}, line {_kernel.Code[place].Line.Number}: {_kernel.Code[place].Line.Text}");
        }
    }

    /// <summary>Makes those threads active that are at the lowest place.</summary>
    private void Choose(ref int place)
    {
        int lowest = int.MaxValue;
        for (int t = 0; t < Threads; t++)
        {
            if (_states[t] == State.Running && _places[t] < lowest) lowest = _places[t];
        }
        if (lowest == int.MaxValue)
        {
            if (Wake())
            {
                Choose(ref place);
                return;
            }
            OpenBarrier(ref place);
            Choose(ref place);
            return;
        }
        int count = 0;
        for (int t = 0; t < Threads; t++)
        {
            if (_states[t] > State.Parked || _places[t] != lowest) continue;
            _states[t] = State.Running;
            _active[count++] = t;
        }
        Activate(count);
        place = lowest;
    }

    /// <summary>Lets threads go on whose phase has ended; where nobody's has, a bulk copy comes that somebody may wait for.</summary>
    private bool Wake()
    {
        do
        {
            bool any = false;
            for (int t = 0; t < Threads; t++)
            {
                if (_states[t] != State.Sleeping || !Shared.Phases.HasEnded(t, _sleeps[t].Barrier, _sleeps[t].Parity)) continue;
                _states[t] = State.Running;
                any = true;
            }
            if (any) return true;
        }
        while (Array.IndexOf(_states, State.Sleeping) >= 0 && Shared.Phases.Deliver());
        return false;
    }

    private void OpenBarrier(ref int place)
    {
        int sleeping = Array.IndexOf(_states, State.Sleeping);
        if (sleeping >= 0)
        {
            place = _places[sleeping];
            throw new PtxFault($"thread {sleeping} waits for a phase that never ends: {Shared.Phases.Describe(_sleeps[sleeping].Barrier)}");
        }
        int parked = Array.IndexOf(_states, State.Parked), waiting = Array.IndexOf(_states, State.Waiting), ended = Array.IndexOf(_states, State.Ended);
        if (parked >= 0)
        {
            place = _places[parked];
            throw new PtxFault($"thread {parked} waits for others that never come: lanes are absent");
        }
        place = _places[waiting] - 1;
        if (ended >= 0) throw new PtxFault($"thread {waiting} waits at a barrier, and thread {ended} has ended");
        int other = Array.FindIndex(_places, where => where != _places[waiting]);
        if (other >= 0) throw new PtxFault($"thread {waiting} waits at this barrier, and thread {other} at that of line {_kernel.Code[_places[other] - 1].Line.Number}");
        Array.Fill(_states, State.Running);
        Shared.Barrier();
    }

    /// <summary>The active threads go on until they part, wait or end, or reach a place where others may be.</summary>
    private void Advance(ref int place)
    {
        var code = _kernel.Code;
        while (true)
        {
            var instruction = code[place];
            switch (instruction.Control)
            {
                case Control.Plain:
                    WarpGroups.Check(instruction, Active);
                    if (instruction.Guard is { } guard) RunGuarded(instruction, guard);
                    else instruction.Run(this);
                    place++;
                    break;
                case Control.Together:
                    if (!Gather(instruction, place)) return;
                    WarpGroups.Check(instruction, Active);
                    instruction.Run(this);
                    place++;
                    break;
                case Control.Phase:
                    if (!Pass((WaitForPhase)instruction, place)) return;
                    instruction.Run(this);
                    place++;
                    break;
                case Control.Branch:
                    if (!Take((Branch)instruction, ref place)) return;
                    break;
                case Control.Barrier:
                    Leave(place + 1, State.Waiting);
                    return;
                default:
                    if (instruction.Guard is not null) throw new PtxFault("ret with a predicate is unknown");
                    Leave(place, State.Ended);
                    _live -= ActiveCount;
                    return;
            }
            if (_kernel.Leaders[place] && ActiveCount != _live)
            {
                Leave(place, State.Running);
                return;
            }
        }
    }

    private void Leave(int place, State state)
    {
        foreach (int thread in Active) (_places[thread], _states[thread]) = (place, state);
    }

    private bool Take(Branch branch, ref int place)
    {
        if (branch.Guard is not { } guard)
        {
            place = branch.Target;
            return true;
        }
        uint* condition = Row<uint>(guard);
        uint wanted = branch.Line.Negated ? 0 : uint.MaxValue;
        int taken = 0;
        foreach (int thread in Active) taken += condition[thread] == wanted ? 1 : 0;
        if (taken == ActiveCount || taken == 0)
        {
            place = taken == 0 ? place + 1 : branch.Target;
            return true;
        }
        foreach (int thread in Active) _places[thread] = condition[thread] == wanted ? branch.Target : place + 1;
        return false;
    }

    private void RunGuarded(Instruction instruction, Register guard)
    {
        uint* condition = Row<uint>(guard);
        uint wanted = instruction.Line.Negated ? 0 : uint.MaxValue;
        int count = 0;
        foreach (int thread in Active) count += condition[thread] == wanted ? 1 : 0;
        if (count == ActiveCount) instruction.Run(this);
        if (count == ActiveCount || count == 0) return;
        int[] before = Active.ToArray();
        count = 0;
        foreach (int thread in before)
        {
            if (condition[thread] == wanted) _active[count++] = thread;
        }
        Activate(count);
        instruction.Run(this);
        before.CopyTo(_active, 0);
        Activate(before.Length);
    }

    /// <summary>Parks the threads that have no company yet.</summary>
    /// <returns>Whether any has.</returns>
    private bool Gather(Instruction instruction, int place)
    {
        if (instruction.Guard is not null) throw new PtxFault($"{instruction.Line.Opcode} with a predicate is unknown");
        int count = 0;
        bool all = true;
        for (int i = 0; i < ActiveCount; i++)
        {
            int thread = _active[i];
            bool has = instruction.HasCompany(this, thread);
            all &= has;
            if (has) continue;
            (_places[thread], _states[thread]) = (place, State.Parked);
        }
        if (all) return true;
        for (int i = 0; i < ActiveCount; i++)
        {
            if (_states[_active[i]] != State.Parked) _active[count++] = _active[i];
        }
        Activate(count);
        return count > 0;
    }

    /// <summary>Lets those active threads go on whose phase has ended; the others sleep.</summary>
    private bool Pass(WaitForPhase wait, int place)
    {
        int count = 0;
        for (int i = 0; i < ActiveCount; i++)
        {
            int thread = _active[i];
            var sleep = wait.Of(this, thread);
            if (Shared.Phases.HasEnded(thread, sleep.Barrier, sleep.Parity))
            {
                Shared.Phases.Learn(thread, sleep.Barrier);
                _active[count++] = thread;
            }
            else (_places[thread], _states[thread], _sleeps[thread]) = (place, State.Sleeping, sleep);
        }
        Activate(count);
        return count > 0;
    }

    private void Activate(int count)
    {
        ActiveCount = count;
        bool full = count == Threads;
        if (full && IsFull) return;
        IsFull = full;
        new Span<uint>(Mask, Padded).Fill(full ? uint.MaxValue : 0);
        new Span<ulong>(WideMask, Padded).Fill(full ? ulong.MaxValue : 0);
        Array.Fill(_isActive, full, 0, Threads);
        if (full) return;
        foreach (int thread in Active) (Mask[thread], WideMask[thread], _isActive[thread]) = (uint.MaxValue, ulong.MaxValue, true);
    }

    private void Fill(Register register, ulong bits)
    {
        if (register.Bytes == 8) new Span<ulong>(Row<ulong>(register), Padded).Fill(bits);
        else new Span<uint>(Row<uint>(register), Padded).Fill((uint)bits);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_rows);
        NativeMemory.AlignedFree(Mask);
        NativeMemory.AlignedFree(WideMask);
        Shared.Dispose();
    }
}
