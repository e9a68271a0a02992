namespace PixelDiT.Reference.Diffusion;

/// <summary>Times of the flow from noise (t = 0) to data (t = 1), in float32 (SPEC §4, §5).</summary>
public static class FlowTime
{
    /// <summary>t / (t + (1 − t)·s): times move towards the noise for s above 1, which larger images want. 0 and 1 stay.</summary>
    /// <param name="t">From 0 to 1.</param>
    /// <param name="s">The shift, above 0; 1 changes nothing but the last bit.</param>
    public static float Shift(float t, float s) => t / (t + (1 - t) * s);

    /// <summary>The time of a training sample, sigmoid(normal) shifted (SPEC §4).</summary>
    /// <param name="normal">A standard normal draw.</param>
    /// <param name="shift">The shift, above 0.</param>
    /// <returns>From 0 to 1.</returns>
    public static float LogitNormal(float normal, float shift) => Shift(1 / (1 + MathF.Exp(-normal)), shift);
}
