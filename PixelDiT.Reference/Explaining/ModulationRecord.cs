using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Explaining;

/// <summary>A channel of a modulation over a picture.</summary>
/// <param name="Channel">From 0 to d − 1.</param>
/// <param name="Inside">What part of its variance over the picture lies inside patches, where one value a patch says nothing; from 0 to 1.</param>
/// <param name="Maps">For the condition and the null condition: [H, W], or with patch-wise AdaLN [L].</param>
/// <param name="Means">The same: each patch's mean [L].</param>
public sealed record ModulationChannel(int Channel, double Inside, IReadOnlyList<ByteMap> Maps, IReadOnlyList<ByteMap> Means);

/// <summary>The shifts, scales or gates of a block.</summary>
/// <param name="Name">shift1, scale1, gate1, shift2, scale2 or gate2.</param>
/// <param name="Inside">As <see cref="ModulationChannel.Inside"/>, of all channels together.</param>
/// <param name="Spread">The standard deviation over pixels, the root mean square of all channels'.</param>
/// <param name="Channels">Those that vary most.</param>
public sealed record ModulationKind(string Name, double Inside, double Spread, IReadOnlyList<ModulationChannel> Channels);

/// <summary>What pixel-wise AdaLN gives a PiT block's pixels: their shifts, scales and gates as pictures (SPEC §3.5).</summary>
/// <param name="Stage">The block.</param>
/// <param name="IsOfPixels">Whether every pixel has its own; otherwise those of a patch share one.</param>
/// <param name="Kinds">In the order of the modulation's parts.</param>
public sealed record ModulationRecord(string Stage, bool IsOfPixels, IReadOnlyList<ModulationKind> Kinds)
{
    private static readonly string[] s_before = ["shift1", "scale1", "gate1", "shift2", "scale2", "gate2"], s_behind = ["scale1", "shift1", "scale2", "shift2"];

    /// <summary>Makes pictures of a modulation.</summary>
    /// <param name="stage">The block.</param>
    /// <param name="config">The model's sizes.</param>
    /// <param name="layout">Of the picture.</param>
    /// <param name="modulation">[2·L, P or 1, kinds·d].</param>
    /// <param name="channels">How many channels of each kind.</param>
    internal static ModulationRecord Of(string stage, ModelConfig config, PixelLayout layout, float[] modulation, int channels)
    {
        string[] names = config.PostModulation ? s_behind : s_before;
        int d = config.PixelHidden, rows = modulation.Length / (2 * names.Length * d), perPatch = rows / layout.Tokens;
        var kinds = new List<ModulationKind>();
        for (int kind = 0; kind < names.Length; kind++)
        {
            var found = new (double Total, double Inside)[d];
            for (int channel = 0; channel < d; channel++) found[channel] = Variances(Values(0, kind, channel), perPatch);
            double total = found.Sum(of => of.Total);
            int[] chosen = [.. Enumerable.Range(0, d).OrderByDescending(channel => found[channel].Total).Take(channels)];
            kinds.Add(new(names[kind], total > 0 ? found.Sum(of => of.Inside) / total : 0, Math.Sqrt(total / d), [.. chosen.Select(channel => Picture(kind, channel, found[channel]))]));
        }
        return new(stage, perPatch > 1, kinds);

        float[] Values(int image, int kind, int channel)
        {
            var values = new float[rows];
            for (int row = 0; row < rows; row++) values[row] = modulation[((((image * rows) + row) * names.Length) + kind) * d + channel];
            return values;
        }

        ModulationChannel Picture(int kind, int channel, (double Total, double Inside) variance)
        {
            float[][] values = [Values(0, kind, channel), Values(1, kind, channel)];
            float most = values.Max(image => image.Max(Math.Abs));
            return new(
                channel, variance.Total > 0 ? variance.Inside / variance.Total : 0,
                [.. values.Select(image => ByteMap.Of(perPatch > 1 ? layout.ToPicture<float>(image, 1) : image, -most, most))],
                [.. values.Select(image => ByteMap.Of([.. image.Chunk(perPatch).Select(patch => patch.Average())], -most, most))]);
        }
    }

    /// <summary>The variance of values, and what of it lies inside patches.</summary>
    private static (double Total, double Inside) Variances(float[] values, int perPatch)
    {
        double mean = values.Average(value => (double)value), total = 0, inside = 0;
        for (int first = 0; first < values.Length; first += perPatch)
        {
            var patch = values.AsSpan(first, perPatch);
            double own = 0;
            foreach (float value in patch) own += value;
            own /= perPatch;
            foreach (float value in patch)
            {
                total += (value - mean) * (value - mean);
                inside += (value - own) * (value - own);
            }
        }
        return (total / values.Length, inside / values.Length);
    }
}
