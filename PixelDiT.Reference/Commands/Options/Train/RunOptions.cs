using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Checkpoints;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>The folder of a run: what is written there, how often, and what becomes of a run that is there already.</summary>
internal sealed class RunOptions
{
    private static readonly CheckpointPolicy s_policy = new();

    private readonly Option<string> _output = new("--out") { Description = "The run's folder (required).", HelpName = "DIR" };
    private readonly Option<bool> _resume = new("--resume") { Description = "Go on with the run in --out; its settings are those of config.json there." }, _overwrite = new("--overwrite") { Description = "Replace the run in --out." };
    private readonly Option<int> _every = Cli.Option("--checkpoint-every", "Steps between checkpoints; 0 writes at the end only.", 1000);
    private readonly Option<int> _keep = Cli.Option("--keep", "Checkpoints that are kept, the newest included: a damaged one is passed over by --resume.", s_policy.Keep);
    private readonly Option<int> _keepEvery = Cli.Option("--keep-every", "Keep those of every so many steps as well; 0 for none.", s_policy.KeepEvery);
    private readonly Option<int> _skipLimit = Cli.Option("--skip-limit", "Steps in a row whose gradients are not finite, and which update nothing, before the run stops.", new TrainingConfig().SkipLimit);

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("The run and its checkpoints", [_output, _resume, _overwrite, _every, _keep, _keepEvery, _skipLimit]);

    /// <summary>Options that say what to do with a folder, and are no settings of the run.</summary>
    public IReadOnlyList<Option> NotRecorded => [_output, _resume, _overwrite];

    /// <summary>The folder of a run that goes on, or null.</summary>
    public string? Resumed(Settings settings) => settings.Get(_resume) && settings.IsGiven(_output) ? settings.Get(_output) : null;

    /// <summary>Whether a run goes on.</summary>
    public bool IsResuming(Settings settings) => settings.Get(_resume);

    /// <summary>The run's folder.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public string Folder(Settings settings)
    {
        string folder = settings.IsGiven(_output) ? settings.Get(_output) : throw new ConfigurationException("--out is missing; the run's folder was expected");
        return folder.Length > 0 ? folder : throw new ConfigurationException("--out is ''; the run's folder was expected");
    }

    /// <summary>What becomes of a run that is there already.</summary>
    /// <exception cref="ConfigurationException">Options contradict each other.</exception>
    public ExistingRun Existing(Settings settings)
    {
        if (settings.Get(_resume) && settings.Get(_overwrite)) throw new ConfigurationException("--resume and --overwrite exclude each other");
        return settings.Get(_resume) ? ExistingRun.Resume : settings.Get(_overwrite) ? ExistingRun.Replace : ExistingRun.Refuse;
    }

    /// <summary>Steps between checkpoints; 0 for the end only.</summary>
    /// <exception cref="ConfigurationException">It is below 0.</exception>
    public int CheckpointEvery(Settings settings)
        => settings.Get(_every) is >= 0 and var every ? every : throw new ConfigurationException($"checkpoint-every is {settings.Get(_every)}; it must be 0 (at the end only) or above");

    /// <summary>Which checkpoints are kept.</summary>
    /// <exception cref="ConfigurationException">A number is out of range.</exception>
    public CheckpointPolicy Policy(Settings settings) => new CheckpointPolicy { Keep = settings.Get(_keep), KeepEvery = settings.Get(_keepEvery) }.Validate();

    /// <summary>How many steps in a row may have gradients that are not finite.</summary>
    public int SkipLimit(Settings settings) => settings.Get(_skipLimit);
}
