using System.Runtime.InteropServices;

namespace PixelDiT.Reference.Distributed.Mpi;

/// <summary>
/// Notices ranks that are gone. Every rank sends a byte a second to the rank after it, whatever else it does; one from which none has come for the time that is given does not answer. Ranks of the same machine are also looked up in the
/// system's list of processes. Used by the thread that makes the calls of MPI.
/// </summary>
internal sealed unsafe class MpiWatch
{
    /// <summary>How long the rank that does not say what is wrong lets the one that does.</summary>
    public static readonly TimeSpan TimeToSay = TimeSpan.FromSeconds(1);

    private const int BetweenLooks = 100, BetweenBeats = 1000, LongestGap = 5000;

    private readonly MpiLibrary _mpi;
    private readonly nint _communicator;
    private readonly TimeSpan _patience;
    private readonly RankPlace[] _beside;
    // The byte and the request of what is sent, and of what is received.
    private readonly nint* _words = (nint*)NativeMemory.AllocZeroed(4, (nuint)sizeof(nint));
    private long _looked, _beaten, _heard;
    private bool _isSending;

    /// <summary>Begins to watch.</summary>
    /// <param name="mpi">The library.</param>
    /// <param name="communicator">Where nothing else is sent.</param>
    /// <param name="places">Where the ranks run.</param>
    /// <param name="rank">This one.</param>
    /// <param name="patience">How long a rank may be silent.</param>
    public MpiWatch(MpiLibrary mpi, nint communicator, RankPlace[] places, int rank, TimeSpan patience)
    {
        (_mpi, _communicator, Places, Own, _patience) = (mpi, communicator, places, places[rank], patience);
        _beside = [.. places.Where(place => place.Rank != rank && place.IsBeside(Own))];
    }

    /// <summary>Where the ranks run.</summary>
    public IReadOnlyList<RankPlace> Places { get; }

    /// <summary>Where this one runs.</summary>
    public RankPlace Own { get; }

    private RankPlace Before => Places[(Own.Rank + Places.Count - 1) % Places.Count];

    private RankPlace After => Places[(Own.Rank + 1) % Places.Count];

    /// <summary>Sends a sign of life when it is time to, and looks for those of others.</summary>
    /// <param name="step">The steps behind the run; below 0 before the first is known.</param>
    /// <returns>What is wrong, or null.</returns>
    public DistributedException? Look(long step)
    {
        long now = Environment.TickCount64;
        if (_looked != 0 && now - _looked < BetweenLooks) return null;
        // A job that was stopped and goes on has not heard of anybody, and nobody of it.
        bool wasAway = _looked == 0 || now - _looked > LongestGap;
        if (_looked == 0) _mpi.Receive((nint)(_words + 2), 1, Before.Rank, _communicator, _words + 3);
        _looked = now;
        if (wasAway) _heard = now;
        while (_mpi.Test(_words + 3))
        {
            _heard = now;
            _mpi.Receive((nint)(_words + 2), 1, Before.Rank, _communicator, _words + 3);
        }
        if (_isSending && _mpi.Test(_words + 1)) _isSending = false;
        if (!_isSending && now - _beaten >= BetweenBeats)
        {
            _mpi.Send((nint)_words, 1, After.Rank, _communicator, _words + 1);
            (_isSending, _beaten) = (true, now);
        }
        string run = step < 0 ? "" : $" after step {step}; checkpoints that were written stay, and --resume goes on from the last";
        if (_beside.FirstOrDefault(place => place.HasEnded) is { } ended)
        {
            bool isSaidElsewhere = _beside.Any(place => place.Rank < Own.Rank && !place.HasEnded);
            return new DistributedException($"{ended} has ended{run}", isSaidElsewhere: isSaidElsewhere);
        }
        return now - _heard > _patience.TotalMilliseconds ? new DistributedException($"{Before} has not answered for {_patience.TotalSeconds:N0} s{run}") : null;
    }

    /// <summary>Takes back what waits for the next sign of life.</summary>
    public void End()
    {
        if (_looked != 0) _mpi.Cancel(_words + 3);
    }
}
