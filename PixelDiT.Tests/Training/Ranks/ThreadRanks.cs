using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Tests.Training.Ranks;

/// <summary>Ranks that are threads of this process. What a rank sends is copied when it begins, so that transfers end in any order.</summary>
internal sealed unsafe class ThreadRanks : ICommunicator, IExchange
{
    private readonly Board _board;
    private readonly Dictionary<string, int> _calls = [];

    private ThreadRanks(Board board, int rank) => (_board, Rank) = (board, rank);

    public int Rank { get; }

    public int Size => _board.Size;

    public string Description => "threads";

    /// <summary>Steps that the rank has told of.</summary>
    public List<long> Steps { get; } = [];

    /// <summary>Whether the rank has left.</summary>
    public bool HasLeft { get; private set; }

    /// <summary>Runs work on ranks of their own; what one throws comes out, the first rank's first.</summary>
    public static T[] Run<T>(int size, Func<ThreadRanks, T> work)
    {
        var board = new Board(size);
        var results = new T[size];
        var errors = new Exception?[size];
        Thread[] threads =
        [
            .. Enumerable.Range(0, size).Select(rank => new Thread(() =>
            {
                try
                {
                    results[rank] = work(new ThreadRanks(board, rank));
                }
                catch (Exception error)
                {
                    errors[rank] = error;
                }
            }))
        ];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        if (errors.FirstOrDefault(error => error is not null) is { } first) ExceptionDispatchInfo.Throw(first);
        return results;
    }

    public ITransfer AllToAll(Pieces send, Pieces receive)
    {
        float[][] sent = [.. Enumerable.Range(0, Size).Select(rank => Line(send, rank).ToArray())];
        return Begin("pieces", sent, all =>
        {
            for (int rank = 0; rank < Size; rank++)
            {
                if (rank != Rank) ((float[][])all[rank])[Rank].CopyTo(Line(receive, rank));
            }
        });
    }

    public ITransfer AllGather(Pieces line) => Begin("lines", Line(line, Rank).ToArray(), all =>
    {
        for (int rank = 0; rank < Size; rank++) ((float[])all[rank]).CopyTo(Line(line, rank));
    });

    public byte[][] Gather(ReadOnlySpan<byte> own)
    {
        byte[][] gathered = [];
        Begin("bytes", own.ToArray(), all => gathered = [.. all.Cast<byte[]>()]).Wait();
        return gathered;
    }

    public void Broadcast(long start, long count)
    {
        var line = new Pieces(start, [0], [(int)count]);
        Begin("broadcast", Line(line, 0).ToArray(), all => ((float[])all[0]).CopyTo(Line(line, 0))).Wait();
    }

    public void NoteStep(long step) => Steps.Add(step);

    public void Stop()
    {
    }

    public void Leave()
    {
        HasLeft = true;
        Gather([]);
    }

    public void Dispose()
    {
    }

    private static Span<float> Line(Pieces pieces, int rank) => new((float*)pieces.Start + pieces.Places[rank], pieces.Counts[rank]);

    private Transfer Begin(string kind, object given, Action<object[]> end)
    {
        int call = _calls[kind] = _calls.GetValueOrDefault(kind) + 1;
        var place = _board.Places.GetOrAdd((kind, call), _ => new Place(Size));
        place.Given[Rank] = given;
        place.Missing.Signal();
        return new Transfer(place, end);
    }

    private sealed record Board(int Size)
    {
        public ConcurrentDictionary<(string Kind, int Call), Place> Places { get; } = new();
    }

    private sealed class Place(int size)
    {
        public object[] Given { get; } = new object[size];

        public CountdownEvent Missing { get; } = new(size);
    }

    private sealed class Transfer(Place place, Action<object[]> end) : ITransfer
    {
        private bool _isTaken;

        public bool IsDone => place.Missing.IsSet;

        public void Wait()
        {
            if (_isTaken) return;
            _isTaken = true;
            if (!place.Missing.Wait(TimeSpan.FromSeconds(60))) throw new DistributedException("a rank did not come");
            end(place.Given);
        }
    }
}
