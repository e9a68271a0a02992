using System.CommandLine;
using System.Text.Json;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>Settings that belong together, by name; every option that is given wins over them.</summary>
internal sealed class RecipeOption
{
    private const string Small = "small";

    // Those of the demonstration (Training/Demo), for a folder of small pictures on a CPU.
    private static readonly (string Key, object Value)[] s_training = [("batch", 16), ("lr", 3e-3), ("lr-decay", "cosine"), ("warmup", 100), ("beta2", 0.99), ("ema", 0.998), ("time-shift", 2), ("sample-guidance", 1.5), ("sample-steps", 30)];
    private static readonly (string Key, object Value)[] s_sizes = [("hidden", 96), ("heads", 4), ("patch", 8), ("patch-depth", 3), ("pixel-depth", 1), ("pixel-hidden", 8)];

    private readonly ChoiceOption _recipe = new(
        "--recipe", $"Settings that work by name: {Small}, for small pictures on a CPU ({string.Join(", ", s_training.Concat(s_sizes).Select(setting => FormattableString.Invariant($"{setting.Key} {setting.Value}")))}). Other options win over it; --from leaves the sizes out.", [Small]);

    /// <summary>The option.</summary>
    public Option Option => _recipe;

    /// <summary>Gives options the values of the recipe that is asked for, where nothing else says them.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="hasSizes">Whether the sizes of the model are known otherwise.</param>
    public void Apply(Settings settings, bool hasSizes)
    {
        if (!settings.IsGiven(_recipe)) return;
        settings.AssumeAll($"--recipe {settings.Get(_recipe)}", s_training.Concat(hasSizes ? [] : s_sizes).ToDictionary(setting => setting.Key, setting => JsonSerializer.SerializeToElement(setting.Value)));
    }
}
