using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Tests.Distributed;

/// <summary>What launchers tell a process, by the variables that they set.</summary>
internal sealed class LauncherTests
{
    private static Launcher Read(params (string Name, string Value)[] variables) => Launcher.Read(name => variables.FirstOrDefault(entry => entry.Name == name).Value);

    [Test]
    public void Each_launcher_is_known_by_its_variables()
    {
        Assert.That(Read(), Is.EqualTo(new Launcher(LauncherKind.None, 0, 1)));
        Assert.That(Read(("OMPI_COMM_WORLD_RANK", "3"), ("OMPI_COMM_WORLD_SIZE", "8"), ("OMPI_COMM_WORLD_LOCAL_RANK", "1")), Is.EqualTo(new Launcher(LauncherKind.OpenMpi, 3, 8, 1)));
        Assert.That(Read(("PMI_RANK", "1"), ("PMI_SIZE", "2"), ("MPI_LOCALRANKID", "1")), Is.EqualTo(new Launcher(LauncherKind.Pmi, 1, 2, 1)));
        Assert.That(Read(("SLURM_PROCID", "5"), ("SLURM_STEP_NUM_TASKS", "16"), ("SLURM_LOCALID", "5")), Is.EqualTo(new Launcher(LauncherKind.Slurm, 5, 16, 5)));
        Assert.That(
            Read(("RANK", "1"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1"), ("MASTER_ADDR", "10.0.0.1"), ("MASTER_PORT", "29500")), Is.EqualTo(new Launcher(LauncherKind.Torch, 1, 4, 1, "10.0.0.1", 29500)));
    }

    [Test]
    public void A_batch_script_of_Slurm_is_one_process() => Assert.That(Read(("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8"), ("SLURM_LOCALID", "0")).Kind, Is.EqualTo(LauncherKind.None));

    [Test]
    public void MPI_wins_over_variables_that_a_shell_has_exported()
        => Assert.That(Read(("RANK", "0"), ("WORLD_SIZE", "1"), ("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "2")), Is.EqualTo(new Launcher(LauncherKind.OpenMpi, 1, 2)));

    [TestCase("x", "2", "RANK is 'x'"), TestCase("2", "2", "RANK is 2 and WORLD_SIZE is 2; a rank below"), TestCase("0", "0", "WORLD_SIZE is '0'"), TestCase("-1", "2", "RANK is '-1'")]
    public void Numbers_that_cannot_be_are_named(string rank, string size, string message)
        => Assert.That(() => Read(("RANK", rank), ("WORLD_SIZE", size)), Throws.TypeOf<ConfigurationException>().With.Message.Contains(message));
}
