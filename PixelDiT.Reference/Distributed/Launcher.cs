using System.Globalization;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Distributed;

/// <summary>What starts several processes of a program.</summary>
public enum LauncherKind
{
    /// <summary>Nobody: the process is alone.</summary>
    None,

    /// <summary>OpenMPI's <c>mpirun</c>.</summary>
    OpenMpi,

    /// <summary>MPICH's <c>mpirun</c>, or another that speaks its process management interface (PMI).</summary>
    Pmi,

    /// <summary>Slurm's <c>srun</c>.</summary>
    Slurm,

    /// <summary><c>torchrun</c> and its like, which set RANK and WORLD_SIZE.</summary>
    Torch
}

/// <summary>What a launcher has told a process of its place among others.</summary>
/// <param name="Kind">The launcher.</param>
/// <param name="Rank">The process, from 0.</param>
/// <param name="Size">How many there are.</param>
/// <param name="LocalRank">The process among those of its machine, from 0; null where the launcher does not say.</param>
/// <param name="Address">Where rank 0 can be reached; null where the launcher does not say.</param>
/// <param name="Port">The port there; null where the launcher does not say.</param>
public sealed record Launcher(LauncherKind Kind, int Rank, int Size, int? LocalRank = null, string? Address = null, int? Port = null)
{
    // Variables of a launcher: rank, size, local rank. Those of MPI come first, since a shell may have exported the others.
    private static readonly (LauncherKind Kind, string Rank, string Size, string[] Local)[] s_known =
    [
        (LauncherKind.OpenMpi, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", ["OMPI_COMM_WORLD_LOCAL_RANK"]),
        (LauncherKind.Pmi, "PMI_RANK", "PMI_SIZE", ["MPI_LOCALRANKID", "PMI_LOCAL_RANK", "SLURM_LOCALID"]),
        (LauncherKind.Slurm, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", ["SLURM_LOCALID"]),
        (LauncherKind.Torch, "RANK", "WORLD_SIZE", ["LOCAL_RANK"])
    ];

    /// <summary>Its name for a person, and the variables that it is known by.</summary>
    public string Name => Kind switch
    {
        LauncherKind.OpenMpi => "OpenMPI's mpirun",
        LauncherKind.Pmi => "mpirun of MPICH",
        LauncherKind.Slurm => "srun",
        LauncherKind.Torch => "a launcher as torchrun, by RANK and WORLD_SIZE",
        _ => "none"
    };

    /// <summary>Whether a launcher says that this process is another than the first; what its variables should not hold is said by <see cref="Read()"/>.</summary>
    public static bool IsSecond => s_known.Any(known => int.TryParse(Environment.GetEnvironmentVariable(known.Rank), NumberStyles.None, CultureInfo.InvariantCulture, out int rank) && rank > 0 && Environment.GetEnvironmentVariable(known.Size) is { Length: > 0 });

    /// <summary>Reads the variables of this process.</summary>
    /// <inheritdoc cref="Read(Func{string, string?})" path="/exception"/>
    public static Launcher Read() => Read(Environment.GetEnvironmentVariable);

    /// <summary>Reads the variables that a launcher sets.</summary>
    /// <param name="variable">A variable's value, or null.</param>
    /// <exception cref="ConfigurationException">One of them is no number, or a rank is not below the number of ranks.</exception>
    public static Launcher Read(Func<string, string?> variable)
    {
        foreach (var (kind, rankName, sizeName, localNames) in s_known)
        {
            // A batch script of Slurm has a rank too, 0, and is no step of its job.
            if (variable(rankName) is not { Length: > 0 } rankText || variable(sizeName) is not { Length: > 0 } sizeText) continue;
            int size = Number(sizeName, sizeText, 1), rank = Number(rankName, rankText, 0);
            if (rank >= size) throw new ConfigurationException($"{rankName} is {rank} and {sizeName} is {size}; a rank below the number of ranks was expected");
            var local = localNames.Select(name => (Name: name, Text: variable(name))).FirstOrDefault(entry => entry.Text is { Length: > 0 });
            string? address = variable("MASTER_ADDR") is { Length: > 0 } named ? named : null, port = variable("MASTER_PORT");
            return new Launcher(
                kind, rank, size, local.Text is null ? null : Number(local.Name, local.Text, 0), address, port is { Length: > 0 } ? Number("MASTER_PORT", port, 1, ushort.MaxValue) : null);
        }
        return new Launcher(LauncherKind.None, 0, 1);
    }

    private static int Number(string name, string text, int least, int most = 1 << 20)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new ConfigurationException($"{name} is '{text}'; a whole number from {least} to {most} was expected, as a launcher sets it");
}
