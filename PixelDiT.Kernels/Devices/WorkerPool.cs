using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace PixelDiT.Kernels.Devices;

/// <summary>
/// Threads that stay warm between launches: a launch costs about a microsecond and allocates nothing. The caller works too. Each thread begins with a share of the items of its own, the same
/// one in every launch of so many, so that it finds in its caches what it wrote there; who is done takes from the ends of the others' shares. Which thread runs an item never changes its result.
/// <see cref="TeamSize"/> says how many of the threads take part.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    private const int Open = 1 << 30;
    private const int SpinsBeforeSleep = 400;

    private readonly Worker[] _workers;
    private readonly Share* _shares;
    private readonly TeamSize _team;
    private delegate*<void*, int, int, void> _body;
    private void* _context;
    private int _members;       // threads that take part in this launch, the caller among them
    private int _state;         // Open while a launch accepts workers, plus the number of workers inside
    private int _launch;        // changes with every launch, so that a worker joins each only once
    private bool _timed;
    private long _computed, _present;
    private volatile bool _stopping;
    private ExceptionDispatchInfo? _failure;

    /// <param name="threads">Threads that compute, the caller among them; at least 1.</param>
    public WorkerPool(int threads)
    {
        _team = new TeamSize(threads);
        _shares = (Share*)NativeMemory.AlignedAlloc((nuint)(threads * sizeof(Share)), 128);
        _workers = new Worker[threads - 1];
        for (int i = 0; i < _workers.Length; i++) _workers[i] = new Worker(this, i + 1);
        foreach (var worker in _workers) worker.Start();
    }

    /// <summary>Threads that compute, the caller among them.</summary>
    public int Threads => _workers.Length + 1;

    /// <summary>Whether each launch is timed, for a profile.</summary>
    public bool IsTimed { get; set; }

    /// <summary>What a timed launch took.</summary>
    public LaunchTime LastLaunch { get; private set; }

    /// <summary>Calls <paramref name="body"/> over [0, items) in disjoint runs on all threads and returns when all are done.</summary>
    /// <param name="body">Takes the context, the first item and the end of a run.</param>
    /// <param name="context">Passed on; may point into the caller's stack.</param>
    /// <param name="items">The number of items.</param>
    public void Run(delegate*<void*, int, int, void> body, void* context, int items)
    {
        if ((_workers.Length == 0 || items == 1) && !IsTimed)
        {
            body(context, 0, items);
            return;
        }
        long began = Stopwatch.GetTimestamp();
        int members = Math.Min(_team.BeforeLaunch(began), items);
        _timed = _team.Observes || IsTimed;
        if (members == 1 && !_timed)
        {
            body(context, 0, items);
            return;
        }
        for (int i = 0; i < members; i++) _shares[i].Range = Range((int)((long)items * i / members), (int)((long)items * (i + 1) / members));
        _body = body;
        _context = context;
        (_members, _computed, _present, _failure) = (members, 0, 0, null);
        Interlocked.Increment(ref _launch);
        Interlocked.Exchange(ref _state, Open);
        for (int i = 0; i < members - 1; i++) _workers[i].Wake();

        Work(0);
        Interlocked.And(ref _state, ~Open);
        var spinner = new SpinWait();
        while (Volatile.Read(ref _state) != 0) spinner.SpinOnce(sleep1Threshold: -1);
        if (_timed)
        {
            long ended = Stopwatch.GetTimestamp();
            LastLaunch = new LaunchTime(ended - began, _computed, _present, items);
            _team.AfterLaunch(LastLaunch, ended);
        }
        _failure?.Throw();
    }

    private static long Range(int first, int end) => ((long)end << 32) | (uint)first;

    private void Work(int member)
    {
        long present = 0, computed = 0;
        if (_timed) (present, computed) = (Stopwatch.GetTimestamp(), ThreadTime.Now);
        try
        {
            while (Claim(ref _shares[member].Range, fromEnd: false, out int first, out int end)) _body(_context, first, end);
            for (int i = 1; i < _members; i++)
            {
                ref long other = ref _shares[(member + i) % _members].Range;
                while (Claim(ref other, fromEnd: true, out int first, out int end)) _body(_context, first, end);
            }
        }
        catch (Exception error)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(error), null);
            for (int i = 0; i < _members; i++) Interlocked.Exchange(ref _shares[i].Range, 0);
        }
        if (!_timed) return;
        Interlocked.Add(ref _present, Stopwatch.GetTimestamp() - present);
        Interlocked.Add(ref _computed, ThreadTime.Now - computed);
    }

    /// <summary>Takes a run of items off a share: of its owner a quarter of what is left, of another an eighth, so that runs are small near the end.</summary>
    private static bool Claim(ref long share, bool fromEnd, out int first, out int end)
    {
        while (true)
        {
            long range = Volatile.Read(ref share);
            (first, end) = ((int)range, (int)(range >> 32));
            int left = end - first;
            if (left <= 0) return false;
            int run = fromEnd ? (left + 7) / 8 : (left + 3) / 4;
            long rest = fromEnd ? Range(first, end - run) : Range(first + run, end);
            if (Interlocked.CompareExchange(ref share, rest, range) != range) continue;
            if (fromEnd) first = end - run;
            else end = first + run;
            return true;
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _stopping = true;
        foreach (var worker in _workers) worker.End();
        NativeMemory.AlignedFree(_shares);
    }

    /// <summary>The items that a thread begins with, in cache lines of its own: the first and the end in the low and the high half.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Share
    {
        [FieldOffset(0)]
        public long Range;
    }

    /// <summary>One of the threads beside the caller.</summary>
    private sealed class Worker
    {
        private readonly WorkerPool _pool;
        private readonly int _member;
        private readonly Thread _thread;
        private readonly SemaphoreSlim _wake = new(0);
        private int _sleeps, _seen;

        public Worker(WorkerPool pool, int member)
        {
            (_pool, _member) = (pool, member);
            _thread = new Thread(Serve, 16 << 20) { IsBackground = true, Name = $"pixeldit worker {member}" };
        }

        public void Start() => _thread.Start();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Wake()
        {
            if (Volatile.Read(ref _sleeps) != 0 && Interlocked.Exchange(ref _sleeps, 0) != 0) _wake.Release();
        }

        public void End()
        {
            _wake.Release();
            _thread.Join();
            _wake.Dispose();
        }

        private void Serve()
        {
            while (!_pool._stopping)
            {
                if (!Join())
                {
                    Sleep();
                    continue;
                }
                _pool.Work(_member);
                Interlocked.Decrement(ref _pool._state);
            }
        }

        private bool Join()
        {
            for (int spin = 0; spin < SpinsBeforeSleep; spin++)
            {
                if (TryJoin()) return true;
                Thread.SpinWait(30);
            }
            return false;
        }

        private bool TryJoin()
        {
            if (!IsWanted(out int state) || Interlocked.CompareExchange(ref _pool._state, state + 1, state) != state) return false;
            // The launch may have changed since it was read; the one that is open now is the one joined.
            _seen = Volatile.Read(ref _pool._launch);
            return true;
        }

        /// <summary>Whether a launch is open that this thread is to take part in and has not joined.</summary>
        private bool IsWanted(out int state)
        {
            int launch = Volatile.Read(ref _pool._launch);
            state = Volatile.Read(ref _pool._state);
            return launch != _seen && (state & Open) != 0 && _member < Volatile.Read(ref _pool._members);
        }

        private void Sleep()
        {
            Interlocked.Exchange(ref _sleeps, 1);
            // Who has been woken meanwhile finds a token.
            if ((IsWanted(out _) || _pool._stopping) && Interlocked.Exchange(ref _sleeps, 0) != 0) return;
            _wake.Wait();
        }
    }
}
