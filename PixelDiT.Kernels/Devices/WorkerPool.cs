using System.Runtime.ExceptionServices;

namespace PixelDiT.Kernels.Devices;

/// <summary>
/// Threads that stay warm between launches: a launch costs about a microsecond and allocates nothing. The caller works too. Items are claimed
/// in small runs, so threads balance; which thread runs an item never changes its result.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    private const int Open = 1 << 30;
    private const int SpinsBeforeSleep = 400;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim _wake = new(0);
    private delegate*<void*, int, int, void> _body;
    private void* _context;
    private int _items, _run;
    private int _next;          // the first item nobody has claimed
    private int _state;         // Open while a launch accepts workers, plus the number of workers inside
    private int _launch;        // changes with every launch, so that a worker joins each only once
    private int _sleeping;
    private volatile bool _stopping;
    private ExceptionDispatchInfo? _failure;

    /// <param name="threads">Threads that compute, the caller among them; at least 1.</param>
    public WorkerPool(int threads)
    {
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Serve, 16 << 20) { IsBackground = true, Name = $"pixeldit worker {i + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads that compute, the caller among them.</summary>
    public int Threads => _threads.Length + 1;

    /// <summary>Calls <paramref name="body"/> over [0, items) in disjoint runs on all threads and returns when all are done.</summary>
    /// <param name="body">Takes the context, the first item and the end of a run.</param>
    /// <param name="context">Passed on; may point into the caller's stack.</param>
    /// <param name="items">The number of items.</param>
    public void Run(delegate*<void*, int, int, void> body, void* context, int items)
    {
        if (_threads.Length == 0 || items == 1)
        {
            body(context, 0, items);
            return;
        }
        _body = body;
        _context = context;
        _items = items;
        _run = Math.Max(1, items / (Threads * 8));
        _next = 0;
        _failure = null;
        Interlocked.Increment(ref _launch);
        Interlocked.Exchange(ref _state, Open);
        int sleeping = Volatile.Read(ref _sleeping);
        if (sleeping > 0) _wake.Release(sleeping);

        Work();
        Interlocked.And(ref _state, ~Open);
        var spinner = new SpinWait();
        while (Volatile.Read(ref _state) != 0) spinner.SpinOnce(sleep1Threshold: -1);
        _failure?.Throw();
    }

    private void Work()
    {
        try
        {
            while (true)
            {
                int first = Interlocked.Add(ref _next, _run) - _run;
                if (first >= _items) return;
                _body(_context, first, Math.Min(first + _run, _items));
            }
        }
        catch (Exception error)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(error), null);
            Interlocked.Exchange(ref _next, _items);
        }
    }

    private void Serve()
    {
        int seen = 0;
        while (!_stopping)
        {
            if (!Join(ref seen))
            {
                Sleep(seen);
                continue;
            }
            Work();
            Interlocked.Decrement(ref _state);
        }
    }

    private bool Join(ref int seen)
    {
        for (int spin = 0; spin < SpinsBeforeSleep; spin++)
        {
            int launch = Volatile.Read(ref _launch), state = Volatile.Read(ref _state);
            if (launch != seen && (state & Open) != 0 && Interlocked.CompareExchange(ref _state, state + 1, state) == state)
            {
                // The launch may have changed since it was read; the one that is open now is the one joined.
                seen = Volatile.Read(ref _launch);
                return true;
            }
            Thread.SpinWait(30);
        }
        return false;
    }

    private void Sleep(int seen)
    {
        Interlocked.Increment(ref _sleeping);
        bool missed = Volatile.Read(ref _launch) != seen && (Volatile.Read(ref _state) & Open) != 0;
        if (!missed && !_stopping) _wake.Wait();
        Interlocked.Decrement(ref _sleeping);
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _stopping = true;
        _wake.Release(Math.Max(1, _threads.Length));
        foreach (var thread in _threads) thread.Join();
        _wake.Dispose();
    }
}
