using System.Numerics;

namespace PixelDiT.Reference.Data;

/// <summary>
/// A shuffle of 0 … n − 1 that is computed place by place and never stored, so n may be 2⁴⁰: a Feistel network over the least even number of bits
/// that holds n, walked along its cycle until it lands below n (Black and Rogaway 2002).
/// </summary>
/// <param name="count">n, from 1 to 2⁶².</param>
/// <param name="key">Which shuffle.</param>
internal readonly struct Permutation(long count, ulong key)
{
    private const int Rounds = 6;

    private readonly int _half = Math.Max(1, (BitOperations.Log2((ulong)Math.Max(1, count - 1)) + 2) / 2);

    /// <summary>What is at a place of the shuffle. The network covers at most 4 n values, so the walk takes at most 4 steps on average.</summary>
    public long this[long place]
    {
        get
        {
            ulong value = (ulong)place, mask = (1UL << _half) - 1;
            do
            {
                ulong left = value >> _half, right = value & mask;
                for (ulong round = 0; round < Rounds; round++)
                {
                    (left, right) = (right, left ^ (CounterHash.Bits(key + round, right) & mask));
                }
                value = left << _half | right;
            }
            while (value >= (ulong)count);
            return (long)value;
        }
    }
}
