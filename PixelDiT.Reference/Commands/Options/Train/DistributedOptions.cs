using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Distributed.Mpi;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>How processes that a launcher has started meet.</summary>
internal sealed class DistributedOptions
{
    private const int UsualPatience = 30;
    private const string Auto = "auto", None = "none", Mpi = "mpi", Nccl = "nccl";

    private readonly Option<string> _kind = new ChoiceOption("--distributed", "How processes meet that a launcher has started: auto (mpi under mpirun or srun, else one process), none, mpi, or nccl.", [Auto, None, Mpi, Nccl], Auto);
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
        if (kind == Nccl) throw new ConfigurationException("distributed is nccl, which this version does not have; mpi with --device cpu was expected");
        if (launcher.Kind == LauncherKind.None)
        {
            return kind == Auto ? null : throw new ConfigurationException("distributed is mpi, and no launcher has started this process; for example mpirun -n 2 pixeldit train … was expected");
        }
        if (launcher.Size == 1) return null;
        if (launcher.Kind == LauncherKind.Torch)
        {
            throw new ConfigurationException(
                $"RANK and WORLD_SIZE say that this is rank {launcher.Rank} of {launcher.Size}; processes on CPUs meet over MPI: start them by mpirun or srun, or leave the variables out (--distributed none trains alone)");
        }
        return MpiCommunicator.Open(launcher, TimeSpan.FromSeconds(patience), Terminal.Complain);
    }

    /// <summary>Joins the ranks that a launcher has started, with the usual settings.</summary>
    /// <returns>The ranks; null for one process.</returns>
    /// <inheritdoc cref="Open(ParseResult)" path="/exception"/>
    public static ICommunicator? Open() => Open(Auto, UsualPatience);

    /// <summary>Opens the device of a rank. Ranks that share cores share them evenly, unless threads are said.</summary>
    /// <exception cref="ConfigurationException">It is a card, whose gradients do not go over MPI.</exception>
    public static Device OpenDevice(ICommunicator? ranks, string name, int threads)
    {
        if (ranks is MpiCommunicator mpi && threads == 0) threads = Math.Max(1, Environment.ProcessorCount / mpi.Sharing);
        var device = Device.Open(name, threads);
        if (ranks is null || device.Kind != DeviceKind.Cuda) return device;
        device.Dispose();
        throw new ConfigurationException($"device is {name}, which is a card here; ranks over MPI compute on CPUs: --device cpu was expected");
    }
}
