using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Distributed.Mpi;
using PixelDiT.Reference.Distributed.Nccl;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>How processes that a launcher has started meet.</summary>
internal sealed class DistributedOptions
{
    private const int UsualPatience = 30;
    private const string Auto = "auto", None = "none", Mpi = "mpi", Nccl = "nccl";

    private readonly Option<string> _kind = new ChoiceOption("--distributed", "How gradients of processes that mpirun or srun has started are summed: mpi on CPUs, nccl on cards, auto by the device; none trains alone.", [Auto, None, Mpi, Nccl], Auto);
    private readonly Option<int> _patience = Cli.Option("--rank-timeout", "Seconds without a sign of life after which a rank counts as gone.", UsualPatience);

    private readonly Option<bool> _shard = new("--shard-optimizer") { Description = "Keep of AdamW's moments and of the average in each rank only those of its part of the parameters: less memory and less work, the same bits." };

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("Several processes", [_kind, _shard, _patience]);

    /// <summary>Options that say how a run is computed, and are no settings of it.</summary>
    public IReadOnlyList<Option> NotRecorded => [_kind, _shard, _patience];

    /// <summary>Sets what ranks keep.</summary>
    public TrainingConfig Read(Settings settings, TrainingConfig config) => config with { ShardOptimizer = settings.Get(_shard) };

    /// <summary>Joins the other ranks.</summary>
    /// <returns>The ranks; null for one process.</returns>
    /// <exception cref="ConfigurationException">What is asked for is not there; the message says what brings it.</exception>
    /// <exception cref="DistributedException">The others do not come.</exception>
    public ICommunicator? Open(ParseResult parsed)
    {
        int patience = parsed.GetValue(_patience);
        return patience is >= 3 and <= 86_400 ? Open(parsed.GetRequiredValue(_kind), patience) : throw new ConfigurationException($"rank-timeout is {patience}; it must be from 3 to 86400 seconds");
    }

    private static ICommunicator? Open(string kind, int patience)
    {
        if (kind == None) return null;
        var launcher = Launcher.Read();
        Terminal.SpeakAs(launcher.Rank);
        if (launcher.Kind == LauncherKind.None)
        {
            return kind == Auto ? null : throw new ConfigurationException($"distributed is {kind}, and no launcher has started this process; for example mpirun -n 2 pixeldit train … was expected");
        }
        if (launcher.Size == 1) return null;
        if (launcher.Kind == LauncherKind.Torch) return kind == Mpi ? throw Unmet(launcher) : new NcclCommunicator(launcher);
        return MpiCommunicator.Open(launcher, TimeSpan.FromSeconds(patience), Terminal.Complain);
    }

    private static PixelDiTException Unmet(Launcher launcher)
    {
        string problem = $"RANK and WORLD_SIZE say that this is rank {launcher.Rank} of {launcher.Size}; without MPI processes meet by NCCL, on cards: start those of CPUs by mpirun or srun, or leave the variables out (--distributed none trains alone)";
        return launcher.Rank == 0 ? new ConfigurationException(problem) : new DistributedException(problem, isSaidElsewhere: true);
    }

    /// <summary>Joins the ranks that a launcher has started, with the usual settings.</summary>
    /// <returns>The ranks; null for one process.</returns>
    /// <inheritdoc cref="Open(ParseResult)" path="/exception"/>
    public static ICommunicator? Open() => Launcher.Read().Kind == LauncherKind.Torch ? null : Open(Auto, UsualPatience);

    /// <summary>Checks that a launcher has not started several processes, of which each would do all.</summary>
    /// <param name="instead">What several processes can do, and what was expected.</param>
    /// <exception cref="ConfigurationException">It has.</exception>
    /// <exception cref="DistributedException">It has, and another rank says it.</exception>
    public static void RequireOne(string instead)
    {
        if (Launcher.Read() is not { Size: > 1, Kind: not LauncherKind.Torch } launcher) return;
        string problem = $"{launcher.Name} has started {launcher.Size} processes, which {instead}";
        throw launcher.Rank == 0 ? new ConfigurationException(problem) : new DistributedException(problem, isSaidElsewhere: true);
    }

    /// <summary>Opens the device of a rank. Ranks that share cores share them evenly, unless threads are said; of cards the rank's number on its machine chooses.</summary>
    /// <param name="ranks">The ranks; null for one process.</param>
    /// <param name="name">The device's name.</param>
    /// <param name="threads">CPU threads; 0 for those of the rank.</param>
    /// <exception cref="DeviceException">There is no such device.</exception>
    public static Device OpenDevice(ICommunicator? ranks, string name, int threads)
    {
        if (ranks is MpiCommunicator mpi && threads == 0) threads = Math.Max(1, Environment.ProcessorCount / mpi.Sharing);
        return Device.Open(name, threads, ranks is null ? 0 : Launcher.Read().LocalRank ?? 0);
    }

    /// <summary>Opens the device of a rank that trains.</summary>
    /// <exception cref="ConfigurationException">It is a card, and <c>mpi</c> or a CPU, and <c>nccl</c>.</exception>
    /// <inheritdoc cref="OpenDevice(ICommunicator?, string, int)"/>
    public Device OpenDevice(ParseResult parsed, ICommunicator? ranks, string name, int threads)
    {
        var device = OpenDevice(ranks, name, threads);
        string kind = parsed.GetRequiredValue(_kind);
        bool isCard = device.Kind == DeviceKind.Cuda;
        if (ranks is NcclCommunicator cards)
        {
            try
            {
                if (!isCard) throw Unmet(Launcher.Read());
                cards.Join(device);
            }
            catch
            {
                device.Dispose();
                throw;
            }
        }
        if (ranks is null || (kind != Mpi || !isCard) && (kind != Nccl || isCard)) return device;
        device.Dispose();
        throw new ConfigurationException($"distributed is {kind}, and device {name} is {(isCard ? "a card" : "a CPU")} here; cards sum by nccl and CPUs by mpi, and auto takes what fits");
    }
}
