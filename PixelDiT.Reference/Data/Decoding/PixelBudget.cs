namespace PixelDiT.Reference.Data.Decoding;

/// <summary>
/// Pixels that all threads together may have in decoding at one time. A picture that alone has more waits until nothing else is decoded, so that memory
/// is bounded by the largest picture and not by the largest picture times the number of threads.
/// </summary>
/// <param name="most">The pixels.</param>
internal sealed class PixelBudget(long most)
{
    private readonly object _gate = new();
    private long _taken;

    /// <summary>What all decoding of the process shares: 64 million pixels, 256 MiB in colour and transparency.</summary>
    public static PixelBudget Shared { get; } = new(1L << 26);

    /// <summary>Pixels in decoding now.</summary>
    public long Taken
    {
        get
        {
            lock (_gate) return _taken;
        }
    }

    /// <summary>Waits until there is room.</summary>
    /// <param name="pixels">At least 1.</param>
    /// <returns>Gives the room back when it is disposed.</returns>
    public IDisposable Take(long pixels)
    {
        lock (_gate)
        {
            while (_taken > 0 && _taken + pixels > most) Monitor.Wait(_gate);
            _taken += pixels;
        }
        return new Room(this, pixels);
    }

    private sealed class Room(PixelBudget budget, long pixels) : IDisposable
    {
        public void Dispose()
        {
            lock (budget._gate)
            {
                budget._taken -= pixels;
                Monitor.PulseAll(budget._gate);
            }
        }
    }
}
