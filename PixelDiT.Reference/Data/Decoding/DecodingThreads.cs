using System.Diagnostics;
using System.Runtime.ExceptionServices;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>
/// Decodes files on threads of their own, which do not keep the process alive: a decoder that hangs cannot be stopped in .NET, but it can be left behind.
/// The caller waits, reports progress, and may be cancelled at any time.
/// </summary>
internal static class DecodingThreads
{
    /// <summary>What a picture may take, beside a second for each million pixels. Only a decoder that hangs takes so long.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(60);

    private const double PixelsPerSecond = 1 << 20;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    /// <summary>Decodes all files.</summary>
    /// <param name="count">How many.</param>
    /// <param name="path">The name of a file, for the error of one that hangs.</param>
    /// <param name="decode">Decodes a file; to be told how many pixels it has when that begins.</param>
    /// <param name="progress">Told, on the caller's thread, how many are done and how many there are.</param>
    /// <param name="limit">What a picture may take, if not <see cref="Limit"/>.</param>
    /// <param name="cancel">Ends the waiting; pictures in hand are left behind.</param>
    /// <exception cref="DataException">A picture took longer than the limit; it is not left out, since then the data would depend on the machine's speed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void Run(int count, Func<int, string> path, Action<int, Action<long>> decode, Action<long, long>? progress = null, TimeSpan? limit = null, CancellationToken cancel = default)
    {
        var work = new Work(count, decode);
        var hands = new Hand[Math.Min(count, Environment.ProcessorCount)];
        try
        {
            for (int i = 0; i < hands.Length; i++)
            {
                hands[i] = new Hand(work);
                new Thread(hands[i].Decode) { IsBackground = true, Name = "decoder" }.Start();
            }
            long before = Stopwatch.GetTimestamp();
            for (bool ended = false; !ended;)
            {
                ended = work.WaitForEnd(s_look);
                cancel.ThrowIfCancellationRequested();
                // Time in which the whole process was stopped does not count.
                var passed = Stopwatch.GetElapsedTime(before);
                before = Stopwatch.GetTimestamp();
                foreach (var hand in hands) hand.Pass(passed < s_look * 4 ? passed : s_look * 4, limit ?? Limit, path);
                progress?.Invoke(work.Done, count);
            }
            work.ThrowIfFailed();
        }
        finally
        {
            work.Stop();
        }
    }

    private sealed class Work(int count, Action<int, Action<long>> decode)
    {
        private readonly ManualResetEventSlim _ended = new(count == 0);
        private ExceptionDispatchInfo? _failure;
        private int _next = -1, _done;
        private volatile bool _stopped;

        public int Done => Volatile.Read(ref _done);

        public bool WaitForEnd(TimeSpan most) => _ended.Wait(most);

        public void ThrowIfFailed() => _failure?.Throw();

        public void Stop() => _stopped = true;

        public bool Take(out int index)
        {
            index = _stopped ? count : Interlocked.Increment(ref _next);
            return index < count;
        }

        public void Decode(int index, Action<long> begins)
        {
            try
            {
                decode(index, begins);
                if (Interlocked.Increment(ref _done) == count) _ended.Set();
            }
            catch (Exception error)
            {
                _failure = ExceptionDispatchInfo.Capture(error);
                _stopped = true;
                _ended.Set();
            }
        }
    }

    /// <summary>A thread, and how long it has been at its picture.</summary>
    private sealed class Hand(Work work)
    {
        private readonly Lock _gate = new();
        private int _index = -1;
        private double _seconds, _more;

        public void Decode()
        {
            while (work.Take(out int index))
            {
                Restart(index, 0);
                work.Decode(index, pixels => Restart(index, pixels / PixelsPerSecond));
                Restart(-1, 0);
            }
        }

        public void Pass(TimeSpan time, TimeSpan limit, Func<int, string> path)
        {
            lock (_gate)
            {
                _seconds += time.TotalSeconds;
                if (_index >= 0 && _seconds > limit.TotalSeconds + _more)
                {
                    throw new DataException($"{path(_index)}: decoding it has not ended within {_seconds:F0} seconds; take the file out of the data");
                }
            }
        }

        private void Restart(int index, double more)
        {
            lock (_gate) (_index, _seconds, _more) = (index, 0, more);
        }
    }
}
