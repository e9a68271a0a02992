namespace PixelDiT.Reference.Data;

/// <summary>
/// Random values as a pure function of a key and a counter, so that any image or any place in an epoch can be had without those before it.
/// Two rounds of the 64-bit finaliser of SplitMix (Steele, Lea, Flood 2014).
/// </summary>
internal static class CounterHash
{
    /// <summary>64 well-mixed bits.</summary>
    public static ulong Bits(ulong key, ulong counter) => Mix(Mix(key + 0x9E3779B97F4A7C15) ^ (counter * 0xD1342543DE82EF95 + 1));

    /// <summary>A value in [0, 1) on a grid of 2⁻²⁴.</summary>
    public static float Uniform(ulong key, ulong counter) => (Bits(key, counter) >> 40) * (1f / (1 << 24));

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
