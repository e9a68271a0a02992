using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using ILGPU;

namespace PixelDiT.Kernels.Machine.Emulation;

/// <summary>
/// What lets ILGPU's CPU accelerator stand in for the shuffles of an item's lanes, each a thread there. ILGPU's own exchange waits for the whole warp, of which
/// other items may be absent; here the lanes of an item wait for each other alone.
/// </summary>
internal static class SubwarpExchange
{
    private const int LargestValue = 32;

    // ILGPU does not show what runs a group: one such object belongs to all threads of a multiprocessor, and to no others.
    private static readonly Func<object> s_group =
        typeof(Context).Assembly.GetType("ILGPU.Runtime.CPU.CPURuntimeGroupContext")?.GetProperty("Current")?.GetMethod?.CreateDelegate<Func<object>>()
        ?? throw new DeviceException("this build of ILGPU does not tell its groups apart; version 1.5.3 is needed");

    private static readonly ConditionalWeakTable<object, ConcurrentDictionary<(int First, int Lanes), Meeting>> s_meetings = [];

    // A thread belongs to one multiprocessor for all of its life.
    [ThreadStatic]
    private static Meeting? s_last;

    /// <summary>The value that lane (own xor <paramref name="distance"/>) brings; all lanes of the item must call it.</summary>
    /// <param name="mine">This lane's value, of at most 32 bytes.</param>
    /// <param name="distance">1 to lanes − 1.</param>
    /// <param name="lanes">Lanes of the item, a power of two.</param>
    public static T ShuffleXor<T>(T mine, int distance, int lanes) where T : unmanaged
    {
        int thread = Group.IdxX, first = thread & -lanes;
        if (s_last is not { } meeting || meeting.First != first || meeting.Lanes != lanes)
        {
            s_last = meeting = s_meetings.GetOrCreateValue(s_group()).GetOrAdd((first, lanes), place => new Meeting(place.First, place.Lanes));
        }
        return meeting.ShuffleXor(mine, thread - first, distance);
    }

    /// <summary>Where the lanes of an item meet: so many threads of a group, from the first on.</summary>
    private sealed class Meeting(int first, int lanes)
    {
        private readonly Barrier _barrier = new(lanes);
        private readonly byte[] _values = new byte[2 * lanes * LargestValue];

        public int First => first;

        public int Lanes => lanes;

        public T ShuffleXor<T>(T mine, int lane, int distance) where T : unmanaged
        {
            // Two sets of values in turn: nobody comes to the next but one before all have read this one.
            int set = (int)(_barrier.CurrentPhaseNumber & 1) * lanes;
            Unsafe.WriteUnaligned(ref _values[(set + lane) * LargestValue], mine);
            _barrier.SignalAndWait();
            return Unsafe.ReadUnaligned<T>(ref _values[(set + (lane ^ distance)) * LargestValue]);
        }
    }
}
