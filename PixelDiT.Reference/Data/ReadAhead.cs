using System.Runtime.ExceptionServices;

namespace PixelDiT.Reference.Data;

/// <summary>Items that a thread of its own fills while the caller computes, in a ring: one that the caller holds, and others that are read in advance. Next and Dispose are called by one thread.</summary>
/// <typeparam name="T">What is filled again and again.</typeparam>
internal sealed class ReadAhead<T> : IDisposable where T : class
{
    private readonly T[] _ring;
    private readonly Action<T, CancellationToken> _fill;
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _free, _ready;
    private readonly CancellationTokenSource _stop = new();
    private ExceptionDispatchInfo? _failure;
    private int _taken;
    private bool _holding, _disposed;

    /// <summary>Starts to read.</summary>
    /// <param name="ring">The items; one more than shall be read ahead.</param>
    /// <param name="fill">Fills the next item, in order; may be stopped within.</param>
    public ReadAhead(T[] ring, Action<T, CancellationToken> fill)
    {
        (_ring, _fill) = (ring, fill);
        (_free, _ready) = (new SemaphoreSlim(ring.Length), new SemaphoreSlim(0));
        _thread = new Thread(Run) { IsBackground = true, Name = "batch loader" };
        _thread.Start();
    }

    /// <summary>The next item, waited for where it is not read yet; it stays as it is until the next call. What the filling has thrown comes out here, and at every later call.</summary>
    /// <exception cref="ObjectDisposedException">The reader is closed.</exception>
    public T Next()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_holding) _free.Release();
        _holding = false;
        _ready.Wait();

        lock (_gate)
        {
            // Items that were complete before the failure are handed out first; the failure itself stays.
            if (_failure is not null && _ready.CurrentCount == 0)
            {
                _ready.Release();
                _failure.Throw();
            }
        }
        _holding = true;
        var item = _ring[_taken];
        _taken = (_taken + 1) % _ring.Length;
        return item;
    }

    /// <summary>Stops reading; waits for the image in hand only.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _stop.Cancel();
        _thread.Join();
        _stop.Dispose();
        _free.Dispose();
        _ready.Dispose();
    }

    private void Run()
    {
        try
        {
            for (int slot = 0; ; slot = (slot + 1) % _ring.Length)
            {
                _free.Wait(_stop.Token);
                _fill(_ring[slot], _stop.Token);
                _ready.Release();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
        catch (Exception error)
        {
            lock (_gate)
            {
                _failure = ExceptionDispatchInfo.Capture(error);
                _ready.Release();
            }
        }
    }
}
