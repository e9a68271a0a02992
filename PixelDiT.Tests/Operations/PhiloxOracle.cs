namespace PixelDiT.Tests.Operations;

/// <summary>Philox4x32-10 and Box-Muller as the paper has them (Salmon et al. 2011), in arrays and doubles.</summary>
internal static class PhiloxOracle
{
    /// <summary>The four words of a counter.</summary>
    public static uint[] Words(ulong key, ulong stream, ulong counter)
    {
        uint[] x = [(uint)counter, (uint)(counter >> 32), (uint)stream, (uint)(stream >> 32)];
        uint[] k = [(uint)key, (uint)(key >> 32)];
        for (int round = 0; round < 10; round++)
        {
            var (high0, low0) = (High(0xD2511F53, x[0]), 0xD2511F53 * x[0]);
            var (high1, low1) = (High(0xCD9E8D57, x[2]), 0xCD9E8D57 * x[2]);
            x = [high1 ^ x[1] ^ k[0], low1, high0 ^ x[3] ^ k[1], low0];
            k = [k[0] + 0x9E3779B9, k[1] + 0xBB67AE85];
        }
        return x;
    }

    /// <summary>Normal draws without end.</summary>
    public static IEnumerable<double> Normal(ulong key, ulong stream)
    {
        for (ulong counter = 0; ; counter++)
        {
            uint[] words = Words(key, stream, counter);
            for (int pair = 0; pair < 4; pair += 2)
            {
                double radius = Math.Sqrt(-2 * Math.Log(((words[pair] >> 8) + 1) / 16777216.0)), angle = 2 * Math.PI * (words[pair + 1] >> 8) / 16777216.0;
                yield return radius * Math.Cos(angle);
                yield return radius * Math.Sin(angle);
            }
        }
    }

    private static uint High(uint a, uint b) => (uint)((ulong)a * b >> 32);
}
