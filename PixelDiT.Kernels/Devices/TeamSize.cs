using System.Diagnostics;

namespace PixelDiT.Kernels.Devices;

/// <summary>What a launch took, in ticks of <see cref="Stopwatch"/>.</summary>
/// <param name="Elapsed">From its start to its end.</param>
/// <param name="Computed">What its threads computed together, by <see cref="ThreadTime"/>.</param>
/// <param name="Present">From where each began to where it found nothing more to do, together: what exceeds <paramref name="Computed"/> is time in which another process had a thread's core.</param>
/// <param name="Items">Its items.</param>
internal readonly record struct LaunchTime(long Elapsed, long Computed, long Present, int Items)
{
    /// <summary>How long the same would take with so many threads, each with a core of its own.</summary>
    public double With(int members) => (double)Computed * ((Items + members - 1) / members) / Items;
}

/// <summary>
/// How many threads of a pool take part. All do, unless a neighbour keeps one from its core: all others then wait for it at the end of every launch, for a time slice of the system's or more, and fewer threads are quicker. That is
/// observed for a while now and then, by what the threads computed and how long they were at it; after a pause that doubles each time one more is tried again.
/// </summary>
internal sealed class TeamSize
{
    private const double ObservedSeconds = 0.02, TrialSeconds = 0.01, BetweenSeconds = 0.06, ShortestPause = 0.5, LongestPause = 4;

    /// <summary>The share of a launch's time in which a thread had to wait for its core, from which on a neighbour is there.</summary>
    private const double Disturbed = 0.02;

    private readonly int _threads;
    private long _next, _elapsed, _lost;
    private double _withOneLess, _pause = ShortestPause;
    private bool _isTrial;

    /// <param name="threads">Threads of the pool, all of which take part at first.</param>
    public TeamSize(int threads) => Members = _threads = threads;

    /// <summary>Threads that take part.</summary>
    public int Members { get; private set; }

    /// <summary>Whether launches are to be timed.</summary>
    public bool Observes { get; private set; }

    /// <summary>Members of the launch that begins.</summary>
    /// <param name="now">When it begins.</param>
    public int BeforeLaunch(long now)
    {
        if (Observes || now < _next || _threads == 1 || !ThreadTime.IsKnown) return Members;
        (Observes, _elapsed, _lost, _withOneLess) = (true, 0, 0, 0);
        _isTrial = Members < _threads;
        if (_isTrial) Members++;
        return Members;
    }

    /// <summary>Takes note of a launch that was timed, and decides when enough was seen.</summary>
    /// <param name="launch">What it took.</param>
    /// <param name="now">When it was done.</param>
    public void AfterLaunch(LaunchTime launch, long now)
    {
        if (!Observes) return;
        _elapsed += launch.Elapsed;
        _lost += Math.Max(0, launch.Present - launch.Computed);
        _withOneLess += launch.With(Members - 1);
        if (_elapsed < (_isTrial ? TrialSeconds : ObservedSeconds) * Stopwatch.Frequency) return;

        Observes = false;
        bool fewer = _lost > Disturbed * _elapsed && _withOneLess < _elapsed;
        if (fewer) Members--;
        if (fewer && _isTrial) _pause = Math.Min(2 * _pause, LongestPause);
        else if (!fewer) _pause = ShortestPause;
        _next = now + (long)((Members < _threads ? _pause : BetweenSeconds) * Stopwatch.Frequency);
    }
}
