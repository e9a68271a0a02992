using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Explaining;

/// <summary>
/// Of what a modulation's variance over a picture consists, in parts that sum to 1 (all are 0 where nothing varies): what one value a patch would say, what the place inside a patch says alike in every patch, and what is of this patch at this place.
/// </summary>
/// <param name="Patch">Of the means of patches.</param>
/// <param name="Place">Of the means of places, over all patches.</param>
/// <param name="Both">The rest: what takes a value for every pixel.</param>
public readonly record struct ModulationParts(double Patch, double Place, double Both);

/// <summary>A channel of a modulation over a picture.</summary>
/// <param name="Channel">From 0 to d − 1.</param>
/// <param name="Parts">Of what its variance consists.</param>
/// <param name="Maps">For the condition and the null condition: [H, W], or with patch-wise AdaLN [L].</param>
/// <param name="Means">The same: each patch's mean [L].</param>
public sealed record ModulationChannel(int Channel, ModulationParts Parts, IReadOnlyList<ByteMap> Maps, IReadOnlyList<ByteMap> Means);

/// <summary>The shifts, scales or gates of a block.</summary>
/// <param name="Name">shift1, scale1, gate1, shift2, scale2 or gate2.</param>
/// <param name="Parts">Of what the variance of all channels together consists.</param>
/// <param name="Channels">Those that vary most.</param>
public sealed record ModulationKind(string Name, ModulationParts Parts, IReadOnlyList<ModulationChannel> Channels);

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
            var found = new Sums[d];
            for (int channel = 0; channel < d; channel++) found[channel] = Variances(Values(0, kind, channel), perPatch);
            int[] chosen = [.. Enumerable.Range(0, d).OrderByDescending(channel => found[channel].Total).Take(channels)];
            var all = new Sums(found.Sum(of => of.Total), found.Sum(of => of.Patch), found.Sum(of => of.Place));
            kinds.Add(new(names[kind], all.Parts, [.. chosen.Select(channel => Picture(kind, channel, found[channel]))]));
        }
        return new(stage, perPatch > 1, kinds);

        float[] Values(int image, int kind, int channel)
        {
            var values = new float[rows];
            for (int row = 0; row < rows; row++) values[row] = modulation[((((image * rows) + row) * names.Length) + kind) * d + channel];
            return values;
        }

        ModulationChannel Picture(int kind, int channel, Sums variance)
        {
            float[][] values = [Values(0, kind, channel), Values(1, kind, channel)];
            float most = values.Max(image => image.Max(Math.Abs));
            return new(
                channel, variance.Parts,
                [.. values.Select(image => ByteMap.Of(perPatch > 1 ? layout.ToPicture<float>(image, 1) : image, -most, most))],
                [.. values.Select(image => ByteMap.Of([.. image.Chunk(perPatch).Select(patch => patch.Average())], -most, most))]);
        }
    }

    /// <summary>Sums of squares about the mean: of values, of the means of their patches and of the means of their places.</summary>
    private static Sums Variances(float[] values, int perPatch)
    {
        int patches = values.Length / perPatch;
        double mean = values.Average(value => (double)value), total = 0, patch = 0, place = 0;
        double[] ofPatches = new double[patches], ofPlaces = new double[perPatch];
        for (int i = 0; i < values.Length; i++)
        {
            double apart = values[i] - mean;
            total += apart * apart;
            ofPatches[i / perPatch] += apart / perPatch;
            ofPlaces[i % perPatch] += apart / patches;
        }
        foreach (double apart in ofPatches) patch += apart * apart * perPatch;
        foreach (double apart in ofPlaces) place += apart * apart * patches;
        return new(total, patch, place);
    }

    private readonly record struct Sums(double Total, double Patch, double Place)
    {
        public ModulationParts Parts => Total > 0 ? new(Patch / Total, Place / Total, Math.Max(0, 1 - ((Patch + Place) / Total))) : default;
    }
}
