using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Distributed.Mpi;

/// <summary>
/// Ranks over MPI. A thread of its own makes all calls: it begins transfers that others ask for, and goes on with them while the others compute. It also watches: the ranks of its machine by their processes, and the rank before its own by
/// a message a second.
/// </summary>
public sealed unsafe partial class MpiCommunicator : ICommunicator, IExchange
{
    /// <summary>How long a rank that has noticed a fault waits for its own work to notice too, before it ends all.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    // Numbers of one broadcast, which counts them by an int.
    private const int MostAtOnce = 1 << 28;
    private const int IdleMilliseconds = 100, ShortestSleep = 20, LongestSleep = 1000, BusySleep = 100, YieldsBeforeSleep = 100;

    private static readonly TimeSpan s_openingPatience = TimeSpan.FromSeconds(120);

    private readonly ConcurrentQueue<MpiTransfer> _asked = new();
    private readonly SemaphoreSlim _woken = new(0);
    private readonly List<MpiTransfer> _pending = [];
    private readonly ManualResetEventSlim _opened = new(), _stopped = new(), _ended = new();
    private readonly Thread _thread;
    private readonly TimeSpan _patience;
    private readonly Action<string> _complain;
    private MpiLibrary _mpi = null!;
    private MpiWatch? _watch;
    private nint _pieces, _lines, _control, _beats;
    private volatile DistributedException? _failure;
    private volatile bool _leaves, _aborts, _stops;
    private volatile int _waiting;
    private long _step = -1;
    private bool _left;

    private MpiCommunicator(TimeSpan patience, Action<string> complain)
    {
        (_patience, _complain) = (patience, complain);
        _thread = new Thread(Work) { IsBackground = true, Name = "MPI" };
    }

    /// <summary>Joins the other ranks.</summary>
    /// <param name="launcher">What has started this process.</param>
    /// <param name="patience">How long a rank may be silent before it counts as gone.</param>
    /// <param name="complain">Is told why all ranks are ended, where the work of this one is in the middle of something long.</param>
    /// <exception cref="ConfigurationException">There is no libmpi, or it is not the launcher's.</exception>
    /// <exception cref="DistributedException">The others do not come.</exception>
    public static MpiCommunicator Open(Launcher launcher, TimeSpan patience, Action<string> complain)
    {
        var opened = new MpiCommunicator(patience, complain) { _mpi = MpiLibrary.Load(launcher.Kind) };
        opened._thread.Start();
        if (!opened._opened.Wait(s_openingPatience)) throw new DistributedException($"rank {launcher.Rank} has waited {s_openingPatience.TotalSeconds:N0} s for the other {launcher.Size - 1}, and not all came");
        try
        {
            if (opened._failure is { } failure) throw failure;
            opened.RequireSizeOf(launcher);
            opened.Meet();
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private void RequireSizeOf(Launcher launcher)
    {
        if (Size == launcher.Size) return;
        throw new ConfigurationException(
            $"{launcher.Name} says that there are {launcher.Size} ranks, and {_mpi.Version} ({_mpi.Path}) knows of {Size}; launcher and library must be of one kind, and {MpiLibrary.PathVariable} names the library");
    }

    /// <inheritdoc/>
    public int Rank { get; private set; }

    /// <inheritdoc/>
    public int Size { get; private set; }

    /// <inheritdoc/>
    public string Description => $"{_mpi.Version}: {string.Join(", ", _watch!.Places.Select(place => place.ToString()))}";

    /// <summary>How many ranks share this rank's cores, itself included.</summary>
    public int Sharing => _watch!.Places.Count(place => place.IsBeside(_watch.Own) && place.Cores == _watch.Own.Cores);

    /// <inheritdoc/>
    public ITransfer AllToAll(Pieces send, Pieces receive) => Ask(new MpiTransfer(this, transfer => _mpi.AllToAll(
        (nint)send.Start, transfer.Keep(send.Counts), transfer.Keep(send.Places), (nint)receive.Start, transfer.Keep(receive.Counts), transfer.Keep(receive.Places), _pieces, transfer.Request)));

    /// <inheritdoc/>
    public ITransfer AllGather(Pieces line) => Ask(new MpiTransfer(this, transfer => _mpi.AllGather((nint)line.Start, transfer.Keep(line.Counts), transfer.Keep(line.Places), _mpi.Single, _lines, transfer.Request)));

    /// <inheritdoc/>
    public byte[][] Gather(ReadOnlySpan<byte> own)
    {
        var lengths = new int[Size];
        lengths[Rank] = own.Length;
        Gather(MemoryMarshal.AsBytes(lengths.AsSpan()), [.. Enumerable.Repeat(sizeof(int), Size)]);
        byte[] all = new byte[lengths.Sum()];
        int first = lengths.Take(Rank).Sum();
        own.CopyTo(all.AsSpan(first));
        Gather(all, lengths);
        var given = new byte[Size][];
        for (int rank = 0, at = 0; rank < Size; at += lengths[rank++]) given[rank] = all[at..(at + lengths[rank])];
        return given;
    }

    private void Gather(Span<byte> line, int[] counts)
    {
        int[] places = new int[counts.Length];
        for (int rank = 1; rank < places.Length; rank++) places[rank] = places[rank - 1] + counts[rank - 1];
        fixed (byte* start = line)
        {
            nint first = (nint)start;
            Ask(new MpiTransfer(this, transfer => _mpi.AllGather(first, transfer.Keep(counts), transfer.Keep(places), _mpi.Byte, _control, transfer.Request))).Wait();
        }
    }

    /// <inheritdoc/>
    public void Broadcast(long start, long count)
    {
        for (long first = 0; first < count; first += MostAtOnce)
        {
            nint place = (nint)(start + (first * sizeof(float)));
            int here = (int)Math.Min(MostAtOnce, count - first);
            Ask(new MpiTransfer(this, transfer => _mpi.Broadcast(place, here, _control, transfer.Request))).Wait();
        }
    }

    /// <inheritdoc/>
    public void NoteStep(long step) => Interlocked.Exchange(ref _step, step);

    /// <inheritdoc/>
    public void Stop()
    {
        if (_left || _failure is not null) return;
        _stops = true;
        _woken.Release();
        _stopped.Wait(Grace);
    }

    /// <inheritdoc/>
    public void Leave()
    {
        Ask(new MpiTransfer(this, transfer => _mpi.Barrier(_control, transfer.Request))).Wait();
        _left = _leaves = true;
        _woken.Release();
        _ended.Wait(Grace);
    }

    /// <summary>Ends the connection; where it was not left in good order, it ends all ranks.</summary>
    public void Dispose()
    {
        if (_left) return;
        _left = true;
        // Who says what is wrong must have said it before it is ended.
        if (_failure is { IsSaidElsewhere: true }) Thread.Sleep(MpiWatch.TimeToSay);
        _aborts = true;
        _woken.Release();
        _ended.Wait(Grace);
    }

    internal void BeginWaiting() => Interlocked.Increment(ref _waiting);

    internal void EndWaiting() => Interlocked.Decrement(ref _waiting);

    private MpiTransfer Ask(MpiTransfer transfer)
    {
        _asked.Enqueue(transfer);
        _woken.Release();
        return transfer;
    }

    /// <summary>Learns where the others run, and begins to watch them.</summary>
    private void Meet()
    {
        RankPlace[] places = [.. Gather(RankPlace.Own(Rank).ToBytes()).Select(RankPlace.FromBytes)];
        Volatile.Write(ref _watch, new MpiWatch(_mpi, _beats, places, Rank, _patience));
    }

    private void Work()
    {
        try
        {
            if (OperatingSystem.IsLinux()) SleepExactly();
            _mpi.Initialize();
            (Rank, Size) = _mpi.Place();
            // What is begun in another order on two ranks needs two communicators.
            (_pieces, _lines, _control, _beats) = (_mpi.Duplicate(), _mpi.Duplicate(), _mpi.Duplicate(), _mpi.Duplicate());
            _opened.Set();
            while (!_leaves && !_aborts)
            {
                GoOn();
                if (_failure is not null || _stops) AwaitEnd();
            }
            if (_aborts) _mpi.Abort(1);
            _watch?.End();
            _mpi.Terminate();
        }
        catch (DistributedException error)
        {
            Fail(error);
        }
        _opened.Set();
        _ended.Set();
    }

    /// <summary>Begins what is asked for, goes on with what was begun, and rests as long as nothing moves.</summary>
    private void GoOn()
    {
        int still = 0;
        while (!_leaves && !_aborts && !_stops && _failure is null)
        {
            bool moved = false;
            while (_asked.TryDequeue(out var transfer))
            {
                _pending.Add(transfer);
                transfer.Begin();
                moved = true;
            }
            for (int i = 0; i < _pending.Count; i++)
            {
                if (!_mpi.Test(_pending[i].Request)) continue;
                _pending[i].End();
                _pending.RemoveAt(i--);
                moved = true;
            }
            if (Volatile.Read(ref _watch)?.Look(Interlocked.Read(ref _step)) is { } gone)
            {
                Fail(gone);
                return;
            }
            still = moved ? 0 : still + 1;
            if (_pending.Count == 0) _woken.Wait(IdleMilliseconds);
            else if (_waiting == 0) Sleep(BusySleep);
            else if (still < YieldsBeforeSleep) Thread.Yield();
            else Sleep(Math.Min(LongestSleep, ShortestSleep + (still - YieldsBeforeSleep)));
        }
    }

    private void Fail(DistributedException error)
    {
        _failure = error;
        foreach (var transfer in _pending) transfer.End(error);
        _pending.Clear();
        EndAsked();
    }

    private void EndAsked()
    {
        // A rank that has failed asks for nothing more.
        while (_asked.TryDequeue(out var transfer)) transfer.End(_failure);
    }

    /// <summary>After a fault this rank's own work learns of it when it next meets the others; where that is too long, it is said here.</summary>
    private void AwaitEnd()
    {
        _stopped.Set();
        long until = Environment.TickCount64 + (long)Grace.TotalMilliseconds;
        while (!_aborts && Environment.TickCount64 < until)
        {
            EndAsked();
            _woken.Wait(IdleMilliseconds);
        }
        if (_aborts) return;
        if (_failure is { IsSaidElsewhere: false } failure) _complain(failure.Message);
        _aborts = true;
    }

    /// <summary>Lets this thread sleep as shortly as it asks: the system adds 50 µs otherwise.</summary>
    private static void SleepExactly() => _ = Control(29, 1, 0, 0, 0);

    private static void Sleep(int microseconds) => _ = SleepMicroseconds((uint)microseconds);

    [LibraryImport("libc", EntryPoint = "usleep")]
    private static partial int SleepMicroseconds(uint microseconds);

    // PR_SET_TIMERSLACK, in nanoseconds.
    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint value, nuint third, nuint fourth, nuint fifth);
}
