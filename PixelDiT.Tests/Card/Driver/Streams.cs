using PixelDiT.Tests.Card.Ptx;

namespace PixelDiT.Tests.Card.Driver;

/// <summary>An event: how often it was recorded, and how often that was reached.</summary>
internal sealed class CardEvent
{
    /// <summary>How often it was recorded.</summary>
    public int Recorded { get; set; }

    /// <summary>Up to which of them its stream has come.</summary>
    public int Reached { get; set; }

    /// <summary>When that was.</summary>
    public long Time { get; set; }

    /// <summary>Where it was recorded last.</summary>
    public CardStream? Stream { get; set; }
}

/// <summary>A queue of work.</summary>
internal sealed class CardStream
{
    /// <summary>What is to be done; a piece answers false where it has to wait for another stream.</summary>
    public Queue<Func<bool>> Work { get; } = new();
}

/// <summary>
/// The streams of a card. Nothing that is queued is done before somebody waits for it, and then no more than has to be: a host or a stream that does not wait for what it needs reads what was there before.
/// </summary>
internal sealed class Streams
{
    private readonly List<CardStream> _streams = [];

    /// <summary>Whether, of streams that nothing orders, the newest goes first.</summary>
    public bool NewestFirst { get; set; }

    /// <summary>Makes a stream.</summary>
    public CardStream Create()
    {
        var stream = new CardStream();
        _streams.Insert(NewestFirst ? 0 : _streams.Count, stream);
        return stream;
    }

    /// <summary>Ends a stream, and what is queued there.</summary>
    public void Remove(CardStream stream)
    {
        Finish(stream);
        _streams.Remove(stream);
    }

    /// <summary>Does all that is queued anywhere.</summary>
    public void Finish()
    {
        while (_streams.Any(stream => stream.Work.Count > 0))
        {
            if (!_streams.Any(StepWhile)) throw new PtxFault("streams wait for each other, and none can go on");
        }
    }

    /// <summary>Does what is queued on a stream, and elsewhere as far as it waits for that.</summary>
    public void Finish(CardStream stream) => Until(stream, () => stream.Work.Count == 0);

    /// <summary>Goes on until an event has been reached as often as it was recorded by now.</summary>
    public void Finish(CardEvent place)
    {
        int wanted = place.Recorded;
        if (place.Stream is { } stream) Until(stream, () => place.Reached >= wanted);
    }

    private void Until(CardStream stream, Func<bool> done)
    {
        while (!done())
        {
            if (Step(stream)) continue;
            if (!_streams.Any(other => other != stream && Step(other))) throw new PtxFault("streams wait for each other, and none can go on");
        }
    }

    private static bool StepWhile(CardStream stream)
    {
        bool any = false;
        while (Step(stream)) any = true;
        return any;
    }

    private static bool Step(CardStream stream)
    {
        if (!stream.Work.TryPeek(out var work) || !work()) return false;
        stream.Work.Dequeue();
        return true;
    }
}
