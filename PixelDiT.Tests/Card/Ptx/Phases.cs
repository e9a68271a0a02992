using System.Globalization;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>
/// Barriers in shared memory (PTX ISA, "mbarrier"), and the bulk copies that they count. A copy comes as late as it may: when nobody can go on without one. What threads know of each other by meeting there is kept as the
/// moments up to which a thread has seen what each other did.
/// </summary>
internal sealed class Phases(SharedMemory shared, int threads)
{
    private sealed class Barrier
    {
        public required int Arrivals { get; init; }

        public required int Maker { get; init; }

        public required int Epoch { get; init; }

        public required int Made { get; init; }

        public int Missing { get; set; }

        public long Bytes { get; set; }

        public int Phase { get; set; }

        /// <summary>What those who arrive in this phase have seen.</summary>
        public required int[] Seen { get; init; }

        /// <summary>What those had seen who arrived in the phases before.</summary>
        public required int[] Known { get; init; }
    }

    private sealed record Copy(int Thread, long Barrier, int Bytes, IReadOnlyList<(long To, byte[] Values)> Chunks);

    private readonly Dictionary<long, Barrier> _barriers = [];
    private readonly Queue<Copy> _copies = new();
    private int[][] _seen = [];

    /// <summary>The instruction, or null where it is unknown.</summary>
    public static Instruction? Decode(Operands at)
    {
        switch (at.Line.Opcode)
        {
            case "mbarrier.init.shared::cta.b64":
                var made = at.Address();
                return new MakeBarrier(made, at.Value(4)) { Reads = at.Reads };
            case "mbarrier.arrive.expect_tx.shared::cta.b64" when at.Next() == "_":
                var expecting = at.Address();
                return new Arrive(expecting, at.Value(4)) { Reads = at.Reads };
            case "mbarrier.arrive.shared::cta.b64" when at.Next() == "_":
                return new Arrive(at.Address(), null) { Reads = at.Reads };
            case "mbarrier.try_wait.parity.shared::cta.b64":
                var d = at.Target(4);
                var barrier = at.Address();
                return new WaitForPhase(d, barrier, at.Value(4)) { Reads = at.Reads, Writes = at.Writes };
            default:
                return null;
        }
    }

    /// <summary>For the next group of threads.</summary>
    public void Reset()
    {
        _barriers.Clear();
        _copies.Clear();
        foreach (int[] row in _seen) Array.Clear(row);
    }

    /// <summary>mbarrier.init.</summary>
    public void Make(int thread, long address, int arrivals)
    {
        if ((address & 7) != 0 || arrivals < 1) throw new PtxFault($"thread {thread} makes a barrier for {arrivals} arrivals at {address}");
        if (_seen.Length == 0) _seen = [.. Enumerable.Range(0, threads).Select(_ => new int[threads])];
        shared.OrderByPhases();
        _ = shared.WriteWords(thread, address);
        if (!_barriers.TryAdd(address, new() { Arrivals = arrivals, Maker = thread, Epoch = shared.Epoch, Made = shared.Moment, Missing = arrivals, Seen = new int[threads], Known = new int[threads] })) throw new PtxFault($"the barrier at {address} is made twice");
    }

    /// <summary>mbarrier.arrive, with bytes that are expected before.</summary>
    public void Arrive(int thread, long address, int bytes)
    {
        var barrier = Find(thread, address);
        if (bytes > 0 && !shared.HasPublished(barrier.Maker, barrier.Made)) throw new PtxFault($"the barrier at {address} counts copies, and no fence.proxy.async published it");
        barrier.Bytes += bytes;
        Merge(barrier.Seen, _seen[thread]);
        barrier.Seen[thread] = shared.Moment;
        if (--barrier.Missing < 0) throw new PtxFault($"thread {thread} arrives at the barrier at {address}, at which all {barrier.Arrivals} of this phase have arrived");
        End(barrier);
    }

    /// <summary>Whether the phase of a parity has ended.</summary>
    public bool HasEnded(int thread, long address, int parity) => (Find(thread, address).Phase & 1) != (parity & 1);

    /// <summary>A thread has waited, and sees what those did who arrived.</summary>
    public void Learn(int thread, long address) => Merge(_seen[thread], Find(thread, address).Known);

    /// <summary>The lanes of a warp have met.</summary>
    public void Meet(ReadOnlySpan<int> lanes)
    {
        if (_seen.Length == 0) return;
        int[] all = new int[threads];
        foreach (int lane in lanes)
        {
            Merge(all, _seen[lane]);
            all[lane] = shared.Moment;
        }
        foreach (int lane in lanes) Merge(_seen[lane], all);
    }

    /// <summary>Whether a thread has seen what another did up to a moment.</summary>
    public bool Knows(int thread, int other, int moment) => _seen.Length > 0 && _seen[thread][other] >= moment;

    /// <summary>A bulk copy begins.</summary>
    public void Begin(int thread, long barrier, int bytes, IReadOnlyList<(long To, byte[] Values)> chunks)
    {
        Find(thread, barrier);
        foreach (var (to, _) in chunks) shared.BeginCopy(thread, to);
        _copies.Enqueue(new(thread, barrier, bytes, chunks));
    }

    /// <summary>Lets the oldest copy come.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Deliver()
    {
        if (!_copies.TryDequeue(out var copy)) return false;
        foreach (var (to, values) in copy.Chunks) shared.EndBulkCopy(copy.Thread, to, values);
        var barrier = _barriers[copy.Barrier];
        barrier.Seen[copy.Thread] = shared.Moment;
        barrier.Bytes -= copy.Bytes;
        if (barrier.Bytes < 0) throw new PtxFault($"{copy.Bytes} bytes come to the barrier at {copy.Barrier}, which expects {barrier.Bytes + copy.Bytes}");
        End(barrier);
        return true;
    }

    /// <summary>A group may not end while its shared memory is written.</summary>
    public void RequireNoCopy()
    {
        if (_copies.Count > 0) throw new PtxFault($"the group ends while {_copies.Count} bulk copies are under way");
    }

    /// <summary>What a barrier waits for.</summary>
    public string Describe(long address) => _barriers.TryGetValue(address, out var barrier)
        ? string.Create(CultureInfo.InvariantCulture, $"phase {barrier.Phase} of the barrier at {address} misses {barrier.Missing} of {barrier.Arrivals} arrivals and {barrier.Bytes} bytes") : "there is no barrier";

    private Barrier Find(int thread, long address)
    {
        if (!_barriers.TryGetValue(address, out var barrier)) throw new PtxFault($"thread {thread} uses a barrier at {address}, where none was made");
        if (barrier.Maker != thread && barrier.Epoch == shared.Epoch) throw new PtxFault($"thread {thread} uses the barrier at {address} that thread {barrier.Maker} made without a barrier of the group since");
        return barrier;
    }

    private static void End(Barrier barrier)
    {
        if (barrier.Missing != 0 || barrier.Bytes != 0) return;
        barrier.Phase++;
        barrier.Missing = barrier.Arrivals;
        Merge(barrier.Known, barrier.Seen);
    }

    private static void Merge(int[] into, int[] from)
    {
        for (int i = 0; i < into.Length; i++) into[i] = Math.Max(into[i], from[i]);
    }
}

/// <summary>mbarrier.init.</summary>
internal sealed unsafe class MakeBarrier(Address address, Register arrivals) : Instruction
{
    public override void Run(ThreadGroup group)
    {
        foreach (int thread in group.Active) group.Shared.Phases.Make(thread, group.Row<long>(address.Base)[thread] + address.Offset, group.Row<int>(arrivals)[thread]);
    }
}

/// <summary>mbarrier.arrive, alone or with bytes that are expected.</summary>
internal sealed unsafe class Arrive(Address address, Register? bytes) : Instruction
{
    public override void Run(ThreadGroup group)
    {
        foreach (int thread in group.Active) group.Shared.Phases.Arrive(thread, group.Row<long>(address.Base)[thread] + address.Offset, bytes is { } count ? group.Row<int>(count)[thread] : 0);
    }
}

/// <summary>mbarrier.try_wait.parity: a thread sleeps until the phase has ended, and the answer is yes.</summary>
internal sealed unsafe class WaitForPhase(Register d, Address address, Register parity) : Instruction
{
    public override Control Control => Control.Phase;

    /// <summary>What a thread waits for.</summary>
    public (long Barrier, int Parity) Of(ThreadGroup group, int thread) => (group.Row<long>(address.Base)[thread] + address.Offset, group.Row<int>(parity)[thread]);

    public override void Run(ThreadGroup group)
    {
        uint* to = group.Row<uint>(d);
        foreach (int thread in group.Active) to[thread] = uint.MaxValue;
    }
}

/// <summary>bar.warp.sync of a whole warp.</summary>
internal sealed class WarpBarrier() : TogetherInstruction(ThreadGroup.Warp)
{
    public override void Run(ThreadGroup group)
    {
        for (int first = 0; first < group.Threads; first += ThreadGroup.Warp)
        {
            if (group.IsActive(first)) group.Shared.Phases.Meet([.. Enumerable.Range(first, ThreadGroup.Warp)]);
        }
    }
}
