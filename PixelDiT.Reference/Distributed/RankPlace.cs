using System.Globalization;
using System.Text.Json;

namespace PixelDiT.Reference.Distributed;

/// <summary>Where a rank runs.</summary>
/// <param name="Rank">The rank.</param>
/// <param name="Host">Its machine's name.</param>
/// <param name="Process">The number of its process there.</param>
/// <param name="Kernel">What tells machines and their spaces of process numbers apart; empty where nothing does.</param>
/// <param name="Began">When the process began, as the system counts, so that a number that is given again is noticed; empty where nothing tells.</param>
/// <param name="Cores">The cores that it may use, as the system lists them.</param>
internal sealed record RankPlace(int Rank, string Host, int Process, string Kernel, string Began, string Cores)
{
    private const string BootId = "/proc/sys/kernel/random/boot_id", OwnSpace = "/proc/self/ns/pid", OwnStatus = "/proc/self/status", CoresField = "Cpus_allowed_list:";

    /// <summary>For messages.</summary>
    public override string ToString() => $"rank {Rank} (process {Process} on {Host})";

    /// <summary>That of this process.</summary>
    public static RankPlace Own(int rank)
    {
        string kernel = Text(() => File.ReadAllText(BootId).Trim() + new FileInfo(OwnSpace).LinkTarget), cores = Text(() => File.ReadLines(OwnStatus).First(line => line.StartsWith(CoresField, StringComparison.Ordinal))[CoresField.Length..].Trim());
        return new RankPlace(rank, Environment.MachineName, Environment.ProcessId, kernel, BeginOf(Environment.ProcessId) ?? "", cores);
    }

    /// <summary>As bytes for the others.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this);

    /// <summary>From the bytes of <see cref="ToBytes"/>.</summary>
    public static RankPlace FromBytes(byte[] bytes) => JsonSerializer.Deserialize<RankPlace>(bytes)!;

    /// <summary>Whether the rank runs where this process can see it.</summary>
    public bool IsBeside(RankPlace own) => Kernel.Length > 0 && Kernel == own.Kernel;

    /// <summary>Whether its process is known to have ended; only of one that <see cref="IsBeside"/> this.</summary>
    public bool HasEnded => Began.Length > 0 && BeginOf(Process) != Began;

    /// <summary>When a process began; null where there is none, or only what remains of one until its parent has asked for its end.</summary>
    private static string? BeginOf(int process)
    {
        const int state = 0, began = 19;
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
            // The name stands in parentheses and may hold anything.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[state] is "Z" or "X" ? null : fields[began];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    private static string Text(Func<string> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return "";
        }
    }
}
