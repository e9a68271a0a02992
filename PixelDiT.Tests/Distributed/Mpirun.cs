using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using NUnit.Framework;
using PixelDiT.Tests.Commands;

namespace PixelDiT.Tests.Distributed;

/// <summary>The program under an <c>mpirun</c>, with what its ranks say.</summary>
internal sealed partial class Mpirun : IDisposable
{
    public const string OpenMpi = "openmpi", Mpich = "mpich";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _said = new();

    private Mpirun(Process process)
    {
        _process = process;
        void Add(object sender, DataReceivedEventArgs line)
        {
            lock (_said) _said.AppendLine(line.Data);
        }
        process.OutputDataReceived += Add;
        process.ErrorDataReceived += Add;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What was said so far.</summary>
    public string Said
    {
        get
        {
            lock (_said) return _said.ToString();
        }
    }

    /// <summary>The launcher's own process.</summary>
    public int Launcher => _process.Id;

    /// <summary>Starts ranks.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="kind">Whose mpirun.</param>
    /// <param name="programs">Arguments of the program, and on how many ranks.</param>
    public static Mpirun Start(string folder, string kind, params (int Ranks, string[] Arguments)[] programs)
    {
        var start = new ProcessStartInfo(Require(kind)) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        if (kind == OpenMpi) start.ArgumentList.Add("--oversubscribe");
        foreach (var (index, (ranks, arguments)) in programs.Index())
        {
            if (index > 0) start.ArgumentList.Add(":");
            foreach (string argument in (string[])["-n", ranks.ToString(CultureInfo.InvariantCulture), "dotnet", "exec", PixelDiTProgram.Assembly, .. arguments]) start.ArgumentList.Add(argument);
        }
        OwnProgram.StartSooner(start);
        // It refuses root unless it is told twice.
        (start.Environment["OMPI_ALLOW_RUN_AS_ROOT"], start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"]) = ("1", "1");
        return new Mpirun(Process.Start(start)!);
    }

    /// <summary>The launcher's file; where there is none the test is skipped, by name, or fails where it must not be.</summary>
    public static string Require(string kind)
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("ranks over MPI are tested on Linux");
        string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, $"mpirun.{name}")).FirstOrDefault(File.Exists);
        if (Find(kind) is { } found) return found;
        string why = $"needs mpirun.{kind}; on Debian {(kind == OpenMpi ? "openmpi-bin" : "mpich")} brings it";
        if (Gate.IsHere && Find(OpenMpi) is null && Find(Mpich) is null) Assert.Fail($"{why}, and {Gate.Variable} says that one must be here");
        Assert.Ignore(why);
        return "";
    }

    /// <summary>Waits until the ranks have said something.</summary>
    public string Await(string pattern)
    {
        long began = Stopwatch.GetTimestamp();
        while (!Regex.IsMatch(Said, pattern))
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(began) > s_patience) Assert.Fail($"'{pattern}' was not said: {Said}");
            Thread.Sleep(20);
        }
        return Said;
    }

    /// <summary>The processes of the ranks.</summary>
    public int[] Ranks()
    {
        Await(@"step 1 of");
        return [.. RankPlace().Matches(Said).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).Distinct()];
    }

    /// <summary>Waits for the end, and sees that no rank is left.</summary>
    public int End(params ReadOnlySpan<int> ranks)
    {
        if (!_process.WaitForExit(s_patience)) Assert.Fail($"it has not ended: {Said}");
        _process.WaitForExit();
        long began = Stopwatch.GetTimestamp();
        foreach (int rank in ranks)
        {
            while (IsRunning(rank) && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(5)) Thread.Sleep(20);
            Assert.That(IsRunning(rank), Is.False, $"process {rank} was left behind: {Said}");
        }
        return _process.ExitCode;
    }

    /// <summary>Sends a signal.</summary>
    public static void Signal(string signal, params ReadOnlySpan<int> processes) => Process.Start("kill", [$"-{signal}", .. processes.ToArray().Select(process => process.ToString(CultureInfo.InvariantCulture))]).WaitForExit();

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    /// <summary>Whether a process is there, and not only what is left of one until it is asked for.</summary>
    private static bool IsRunning(int process)
    {
        try
        {
            return !File.ReadAllText($"/proc/{process}/stat").Contains(") Z", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"rank \d+ \(process (\d+) on")]
    private static partial Regex RankPlace();
}
