using System.CommandLine;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>A step: its batch, what it trains, and what it costs.</summary>
internal sealed class StepOptions
{
    private static readonly TrainingConfig s_defaults = new();

    private readonly Option<int> _batch = Cli.Option("--batch", "Images a step.", s_defaults.Batch);
    private readonly Option<int> _accumulate = Cli.Option("--accumulate", "Parts in which a batch is trained one after the other, for less memory, or shared among ranks; they must divide it. Of several ranks each takes one unless more are said.", s_defaults.Accumulate);
    private readonly Option<bool> _checkpointing = new("--checkpoint-activations") { Description = "Run each block again in the backward instead of keeping its activations: less memory, about a quarter more time, the same bits." };
    private readonly Option<string[]> _freeze = new("--freeze") { Description = "Parameters that stay as they are, by their names, * for any text: 'patch_blocks.*'. May be repeated.", HelpName = "PATTERN" };
    private readonly SeedOption _seed = new("The seed of everything random.");
    private readonly Option<string> _precision = Cli.Precision(), _device = Cli.Device();
    private readonly Option<int> _threads = Cli.Threads();

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("A step", [_batch, _accumulate, _checkpointing, _freeze, _seed, _precision, _device, _threads]);

    /// <summary>The device's name.</summary>
    public string Device(Settings settings) => settings.Get(_device);

    /// <summary>CPU threads; 0 for one a core.</summary>
    public int Threads(Settings settings) => settings.Get(_threads);

    /// <summary>
    /// Makes the parts of a batch a number that ranks can share: as many as ranks, where nothing is said, and where a run of another number of ranks goes on and its parts cannot be shared evenly the next number that can.
    /// What the command line says stays.
    /// </summary>
    public void ShareParts(Settings settings, int ranks)
    {
        int parts = settings.Get(_accumulate);
        if (settings.IsOnCommandLine(_accumulate) || parts < 1 || parts % ranks == 0) return;
        settings.Prefer(_accumulate, (parts + ranks - 1) / ranks * ranks);
    }

    /// <summary>Whether each process has drawn a seed of its own.</summary>
    public bool HasDrawnSeed => _seed.Drawn is not null;

    /// <summary>Says which seed was drawn.</summary>
    public void AnnounceSeed() => _seed.Announce();

    /// <summary>Sets a run's steps.</summary>
    public TrainingConfig Read(Settings settings, TrainingConfig config) => config with
    {
        Batch = settings.Get(_batch),
        Accumulate = settings.Get(_accumulate),
        CheckpointActivations = settings.Get(_checkpointing),
        Freeze = settings.IsGiven(_freeze) ? settings.Get(_freeze) : [],
        Seed = settings.Get(_seed),
        Precision = PrecisionNames.Parse(settings.Get(_precision))
    };

    /// <summary>Where to compute, and lists that are empty, belong to a run's settings only if they were said.</summary>
    public IEnumerable<Option> NotRecorded(Settings settings) => new Option[] { _freeze, _device, _threads }.Where(option => !settings.IsGiven(option));
}
