namespace PixelDiT.Reference.Diffusion;

/// <summary>
/// The random numbers of PyTorch's CPU generator, so that a seed of the published samples gives the same noise (SPEC §5, last paragraph).
/// The generator is MT19937 (Matsumoto and Nishimura, 1998), seeded with the low 32 bits of the seed.
/// </summary>
/// <remarks>
/// Draws of fewer than 16 normal values equal PyTorch's. From 16 on PyTorch computes log, cos and sin with float32 polynomials of its own;
/// here each is rounded from double, which leaves differences of up to 2 units in the last place over the golden draws.
/// </remarks>
public sealed class TorchRandom
{
    private const int StateLength = 624;

    /// <summary>Values that the vectorised draw makes together: 8 radii and 8 angles.</summary>
    private const int Block = 16;

    private readonly uint[] _state = new uint[StateLength];
    private int _next = StateLength;
    private double? _spare;

    /// <summary>A generator at the start of the sequence of a seed.</summary>
    /// <param name="seed">Any value; as in PyTorch, seeds that agree in their low 32 bits give the same sequence.</param>
    public TorchRandom(ulong seed)
    {
        _state[0] = (uint)seed;
        for (uint i = 1; i < StateLength; i++) _state[i] = 1812433253 * (_state[i - 1] ^ (_state[i - 1] >> 30)) + i;
    }

    /// <summary>The next 32 bits of MT19937.</summary>
    public uint NextUInt32()
    {
        if (_next == StateLength) Twist();
        uint bits = _state[_next++];
        bits ^= bits >> 11;
        bits ^= (bits << 7) & 0x9D2C5680;
        bits ^= (bits << 15) & 0xEFC60000;
        return bits ^ (bits >> 18);
    }

    /// <summary>What <c>torch.randn(count)</c> returns from this state, and goes on behind it.</summary>
    /// <param name="count">The number of values, 0 or more; for the noise of one image 3·H·W, in the order [3, H, W].</param>
    /// <returns>[count], standard normal</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public float[] Normal(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        float[] values = new float[count];
        if (count < Block)
        {
            for (int i = 0; i < count; i++) values[i] = (float)NextNormal();
            return values;
        }

        for (int i = 0; i < count; i++) values[i] = NextSingle();
        for (int at = 0; at + Block <= count; at += Block) BoxMuller(values.AsSpan(at, Block));
        if (count % Block != 0)
        {
            // Whole blocks only: the last 16 are drawn anew, over values that the block before may already have made.
            Span<float> last = values.AsSpan(count - Block);
            for (int i = 0; i < Block; i++) last[i] = NextSingle();
            BoxMuller(last);
        }
        return values;
    }

    /// <summary>
    /// Turns 16 uniform values into normal ones: r = √(−2 ln(1 − u_j)), θ = 2π u_{j+8}; r cos θ goes to j and r sin θ to j + 8.
    /// Every step is rounded to float32.
    /// </summary>
    private static void BoxMuller(Span<float> block)
    {
        const int half = Block / 2;
        for (int j = 0; j < half; j++)
        {
            float radius = MathF.Sqrt(-2 * (float)Math.Log(1 - block[j])), angle = MathF.Tau * block[j + half];
            block[j] = radius * (float)Math.Cos(angle);
            block[j + half] = radius * (float)Math.Sin(angle);
        }
    }

    /// <summary>The scalar draw: values come in pairs, and the second of a pair waits for the next call, as PyTorch's does.</summary>
    private double NextNormal()
    {
        if (_spare is double waiting)
        {
            _spare = null;
            return waiting;
        }
        double u1 = NextDouble(), u2 = NextDouble();
        double radius = Math.Sqrt(-2 * LogOnePlus(-u2)), angle = Math.Tau * u1;
        _spare = radius * Math.Sin(angle);
        return radius * Math.Cos(angle);
    }

    /// <summary>ln(1 + x) without losing the digits of a small x: the error that rounding 1 + x makes is divided out again.</summary>
    private static double LogOnePlus(double x)
    {
        double sum = 1 + x;
        return sum == 1 ? x : Math.Log(sum) * x / (sum - 1);
    }

    /// <summary>24 bits as a number in [0, 1).</summary>
    private float NextSingle() => (NextUInt32() & 0xFFFFFF) * (1f / (1 << 24));

    /// <summary>53 bits as a number in [0, 1), the earlier draw on the high side.</summary>
    private double NextDouble()
    {
        ulong high = NextUInt32(), low = NextUInt32();
        return (((high << 32) | low) & ((1UL << 53) - 1)) * (1.0 / (1UL << 53));
    }

    private void Twist()
    {
        for (int i = 0; i < StateLength; i++)
        {
            uint joined = (_state[i] & 0x80000000) | (_state[(i + 1) % StateLength] & 0x7FFFFFFF);
            _state[i] = _state[(i + 397) % StateLength] ^ (joined >> 1) ^ ((joined & 1) == 0 ? 0 : 0x9908B0DF);
        }
        _next = 0;
    }
}
