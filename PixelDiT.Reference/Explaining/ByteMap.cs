namespace PixelDiT.Reference.Explaining;

/// <summary>Values in 8 bits: value ≈ Low + byte / 255 · (High − Low).</summary>
/// <param name="Bytes">A byte a value.</param>
/// <param name="Low">What 0 stands for.</param>
/// <param name="High">What 255 stands for.</param>
public sealed record ByteMap(byte[] Bytes, float Low, float High)
{
    /// <summary>Rounds values between bounds; those outside are clipped, and not-a-number is the lower bound.</summary>
    public static ByteMap Of(ReadOnlySpan<float> values, float low, float high)
    {
        float by = high > low ? 255 / (high - low) : 0;
        byte[] bytes = new byte[values.Length];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)Math.Clamp(((values[i] - low) * by) + 0.5f, 0, 255);
        return new(bytes, low, high);
    }
}
