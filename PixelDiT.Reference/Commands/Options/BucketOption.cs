using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Shards;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The option that brings images of a text model to the published sizes.</summary>
internal static class BucketOption
{
    private const string Small = "512", Large = "1024";

    /// <summary>Makes the option.</summary>
    public static ChoiceOption Create() => new("--buckets", "Bring images of a text model to the published sizes of about 512x512 or 1024x1024 that are nearest to their shape, in the place of --resolution.", [Small, Large]);

    /// <summary>Checks that it does not contradict others.</summary>
    /// <exception cref="ConfigurationException">It does, or the model is of another kind.</exception>
    public static void Check(Settings settings, ChoiceOption buckets, ModelOptions model, TrainingSize size)
    {
        if (!settings.IsGiven(buckets)) return;
        if (!model.IsText(settings)) throw new ConfigurationException($"{buckets.Name} is of text models; the preset {model.Preset(settings)} is of a class model");
        if (size.All.FirstOrDefault(settings.IsGiven) is { } given) throw new ConfigurationException($"{given.Name} is of images of one size; {buckets.Name} excludes it");
    }

    /// <summary>The sizes; null for one size.</summary>
    public static AspectBuckets? Read(Settings settings, ChoiceOption buckets)
        => !settings.IsGiven(buckets) ? null : settings.Get(buckets) == Small ? AspectBuckets.Training512 : AspectBuckets.Training1024;
}
