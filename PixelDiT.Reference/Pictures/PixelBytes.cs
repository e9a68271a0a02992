namespace PixelDiT.Reference.Pictures;

/// <summary>Bytes to the values that a model is trained on, and back (SPEC §4, §5).</summary>
public static class PixelBytes
{
    // A table, so that the division by 255 happens 256 times in all.
    private static readonly float[] s_values = [.. Enumerable.Range(0, 256).Select(v => (v / 255f - 0.5f) / 0.5f)];

    /// <summary>(v/255 − 0.5)/0.5 of every byte v (SPEC §4): −1 for 0, 1 for 255. <see cref="ToBytes"/> gives the bytes back.</summary>
    /// <param name="bytes">Bytes of any shape.</param>
    /// <param name="values">Receives as many values, in the same order.</param>
    public static void ToValues(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (int i = 0; i < bytes.Length; i++) values[i] = s_values[bytes[i]];
    }

    /// <summary>(v/255 − 0.5)/0.5 of one byte.</summary>
    internal static float ToValue(byte v) => s_values[v];

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
