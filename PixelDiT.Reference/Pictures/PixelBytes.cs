namespace PixelDiT.Reference.Pictures;

/// <summary>Model values to bytes (SPEC §5).</summary>
public static class PixelBytes
{
    /// <summary>clip((x + 1)·127.5 + 0.5, 0, 255) truncated, in float32: −1, 0, 1 become 0, 128, 255. Not-a-number becomes 0.</summary>
    /// <param name="x">Values of any shape.</param>
    /// <returns>Bytes in the same order.</returns>
    public static byte[] ToBytes(ReadOnlySpan<float> x)
    {
        var bytes = new byte[x.Length];
        for (int i = 0; i < x.Length; i++) bytes[i] = (byte)Math.Clamp((x[i] + 1f) * 127.5f + 0.5f, 0f, 255f);
        return bytes;
    }
}
