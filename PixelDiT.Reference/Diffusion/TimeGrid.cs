using PixelDiT.Kernels;

namespace PixelDiT.Reference.Diffusion;

/// <summary>The times between which a sampler steps (SPEC §5).</summary>
public static class TimeGrid
{
    // PyTorch fills a float32 linspace in pairs of 8-lane vectors while a whole pair is left. A vector counts up from its first value; past
    // the middle that value, and each of the rest, is counted down from the end with one rounding. The bits decide whether a time that
    // lies on a bound of the guidance interval is inside, so they are followed.
    private const int Vector = 8, Pair = 2 * Vector;

    /// <summary>linspace(0, 1 − 1/n, n) followed by 1, each shifted; float32 with PyTorch's rounding.</summary>
    /// <param name="steps">n, as <see cref="SamplingConfig.Steps"/>.</param>
    /// <param name="shift">s, as <see cref="SamplingConfig.TimeShift"/>.</param>
    /// <returns>[n + 1], increasing from exactly 0 to exactly 1.</returns>
    /// <exception cref="ConfigurationException"><paramref name="steps"/> or <paramref name="shift"/> is out of range.</exception>
    public static float[] Create(int steps, float shift)
    {
        new SamplingConfig { Steps = steps, TimeShift = shift }.Validate();
        var times = new float[steps + 1];
        Linspace(times.AsSpan(0, steps), 0, (float)(1 - 1.0 / steps));
        times[steps] = 1;
        for (int i = 0; i <= steps; i++) times[i] = FlowTime.Shift(times[i], shift);
        return times;
    }

    /// <summary>1 − linspace(1, 1/1000, n + 1), each shifted by s·σ / (1 + (s − 1)·σ), the largest first: the noise levels of a text model's sampler (SPEC §6), in float32.</summary>
    /// <param name="steps">n, as <see cref="SamplingConfig.Steps"/>.</param>
    /// <param name="shift">s, as <see cref="SamplingConfig.TimeShift"/>.</param>
    /// <returns>[n + 1], decreasing from a little below 1 (0.99975 for s = 4) to exactly 0.</returns>
    /// <exception cref="ConfigurationException"><paramref name="steps"/> or <paramref name="shift"/> is out of range.</exception>
    public static float[] NoiseLevels(int steps, float shift)
    {
        new SamplingConfig { Steps = steps, TimeShift = shift }.Validate();
        var levels = new float[steps + 1];
        Linspace(levels, 1, 1f / TextTimeTable.Levels);
        for (int i = 0; i <= steps; i++)
        {
            float level = 1 - levels[i];
            levels[i] = shift * level / (1 + ((shift - 1) * level));
        }
        Array.Reverse(levels);
        return levels;
    }

    private static void Linspace(Span<float> values, float begin, float end)
    {
        int n = values.Length;
        values[0] = begin;
        if (n == 1) return;
        float step = (end - begin) / (n - 1);
        for (int i = 0; i < n; i++)
        {
            int first = i < n - n % Pair ? i - i % Vector : i;
            float start = first < n / 2 ? begin + step * first : MathF.FusedMultiplyAdd(-step, n - 1 - first, end);
            values[i] = start + step * (i - first);
        }
    }
}
