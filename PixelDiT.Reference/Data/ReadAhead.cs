using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace PixelDiT.Reference.Data;

/// <summary>
/// Items that threads of their own fill while the caller computes, in a ring: one that the caller holds, and others that are read in advance. An item has parts, each filled by one thread; which thread fills which part changes
/// nothing that comes out. Next and Dispose are called by one thread.
/// </summary>
/// <typeparam name="T">What is filled again and again.</typeparam>
internal sealed class ReadAhead<T> : IDisposable where T : class
{
    private readonly T[] _ring;
    private readonly int[] _left;
    private readonly int _parts;
    private readonly Action<T>? _begin;
    private readonly Action<T, int> _fill;
    private readonly Thread[] _threads;
    private readonly object _gate = new();
    private (long Item, int Part, ExceptionDispatchInfo Error)? _failure;
    private long _next, _taken, _freed;
    private int _nextPart;
    private bool _stopped, _disposed;

    /// <summary>Starts to read.</summary>
    /// <param name="ring">The items; one more than shall be read ahead.</param>
    /// <param name="parts">The parts of an item, at least 1.</param>
    /// <param name="begin">Is told of the next item, in order and by one thread at a time, before its parts are filled; or null.</param>
    /// <param name="fill">Fills a part of an item.</param>
    /// <param name="workers">Threads, at least 1.</param>
    public ReadAhead(T[] ring, int parts, Action<T>? begin, Action<T, int> fill, int workers)
    {
        (_ring, _left, _parts, _begin, _fill) = (ring, new int[ring.Length], parts, begin, fill);
        _threads = [.. Enumerable.Range(0, workers).Select(_ => new Thread(Run) { IsBackground = true, Name = "batch loader" })];
        foreach (var thread in _threads) thread.Start();
    }

    /// <summary>As many threads as are worth it for items of so many parts: no more than cores.</summary>
    public static int WorkersFor(int parts) => Math.Min(parts, Environment.ProcessorCount);

    /// <summary>The time that <see cref="Next"/> has waited in all.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>The next item, waited for where it is not filled yet; it stays as it is until the next call.</summary>
    /// <exception cref="Exception">What filling it threw, of several parts the first; every later call throws the same.</exception>
    /// <exception cref="ObjectDisposedException">The reader is closed.</exception>
    public T Next()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        lock (_gate)
        {
            _freed = _taken;
            Monitor.PulseAll(_gate);
            int slot = (int)(_taken % _ring.Length);
            if (!IsDecided(slot))
            {
                long began = Stopwatch.GetTimestamp();
                while (!IsDecided(slot)) Monitor.Wait(_gate);
                Waited += Stopwatch.GetElapsedTime(began);
            }
            // Items before the one that failed are handed out; the failure itself stays.
            if (_failure is { } failure && failure.Item <= _taken) failure.Error.Throw();
            _taken++;
            return _ring[slot];
        }
    }

    /// <summary>Stops reading; waits for the parts in hand only.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }
        foreach (var thread in _threads) thread.Join();
    }

    /// <summary>Whether all parts of the item that is to be taken are filled, or it failed and no thread is at it any more.</summary>
    private bool IsDecided(int slot) => (_failure is { } failure && failure.Item < _taken) || (_next > _taken && _left[slot] == 0);

    private void Run()
    {
        while (Take(out long item, out int part))
        {
            try
            {
                _fill(_ring[item % _ring.Length], part);
            }
            catch (Exception error)
            {
                Fail(item, part, error);
            }
            lock (_gate)
            {
                if (--_left[item % _ring.Length] == 0) Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Takes the next part; parts are taken in order, so that those before one that fails are in hand already.</summary>
    private bool Take(out long item, out int part)
    {
        lock (_gate)
        {
            (item, part) = (0, 0);
            while (!_stopped && _nextPart == 0 && (_failure is not null || _next - _freed >= _ring.Length)) Monitor.Wait(_gate);
            if (_stopped) return false;
            int slot = (int)(_next % _ring.Length);
            if (_nextPart == 0)
            {
                _left[slot] = _parts;
                try
                {
                    _begin?.Invoke(_ring[slot]);
                }
                catch (Exception error)
                {
                    Fail(_next, 0, error);
                    (_left[slot], _next) = (0, _next + 1);
                    Monitor.PulseAll(_gate);
                    return Take(out item, out part);
                }
            }
            (item, part) = (_next, _nextPart++);
            if (_nextPart == _parts) (_next, _nextPart) = (_next + 1, 0);
            return true;
        }
    }

    private void Fail(long item, int part, Exception error)
    {
        lock (_gate)
        {
            if (_failure is { } first && (first.Item, first.Part).CompareTo((item, part)) <= 0) return;
            _failure = (item, part, ExceptionDispatchInfo.Capture(error));
            Monitor.PulseAll(_gate);
        }
    }
}
