using System.Diagnostics;
using System.Globalization;
using NUnit.Framework;
using PixelDiT.Kernels;

namespace PixelDiT.Tests.Formats;

/// <summary>One damage done to a file: what, where (of <see cref="Fuzz.Places"/> equal parts of the file), over how many bytes, with what.</summary>
internal sealed record Edit(int Kind, int Place, int Length, int Choice)
{
    /// <summary>Draws one to <paramref name="most"/> edits; every byte of a file is as likely to be hit as any other.</summary>
    public static Edit[] Draw(Random random, int most, int kinds)
        => [.. Enumerable.Range(0, random.Next(1, most + 1)).Select(_ => new Edit(random.Next(kinds), random.Next(Fuzz.Places), random.Next(1, 13), random.Next(256)))];

    /// <summary>The byte of a file of this length at which the edit begins.</summary>
    public int At(int length) => (int)((long)Place * length / Fuzz.Places);
}

/// <summary>
/// Gives many damaged files to a reader. Each must be answered, by its content or by a proper error, within 64 MiB of memory beyond the file. Time is not measured: a minute is
/// reached by what never ends alone.
/// </summary>
internal static class Fuzz
{
    public const string SeedVariable = "PIXELDIT_FUZZ_SEED";
    public const int Places = 1 << 20;
    private const long MostMemory = 64 << 20;

    /// <summary>The seed of this run of the tests, from the environment or else new.</summary>
    public static int Seed { get; } = Environment.GetEnvironmentVariable(SeedVariable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : Random.Shared.Next();

    /// <summary>Runs the files.</summary>
    /// <param name="format">The format's name, for what is printed.</param>
    /// <param name="files">How many.</param>
    /// <param name="make">Makes a damaged file from a generator of its own.</param>
    /// <param name="read">Reads a file and checks what it gives; returns whether it was read, or refused by a proper error.</param>
    /// <returns>How many were read.</returns>
    public static int Run(string format, int files, Func<Random, byte[]> make, Func<byte[], bool> read)
    {
        int answered = 0;
        long most = 0, slowest = 0;
        TestContext.Progress.WriteLine($"{format}: {files} damaged files, {SeedVariable}={Seed}");
        Parallel.For(0, files, i =>
        {
            byte[] file = make(new Random(SeedOf(Seed, i)));
            try
            {
                bool wasRead = Measured(file, read, out long memory, out long ticks);
                if (wasRead) Interlocked.Increment(ref answered);
                RaiseTo(ref most, memory);
                RaiseTo(ref slowest, ticks);
                if (memory > MostMemory) throw new InvalidDataException($"took {memory} bytes beyond the file's {file.Length}");
                if (ticks > 60 * Stopwatch.Frequency) throw new InvalidDataException("took more than a minute");
            }
            catch (Exception error)
            {
                throw new InvalidDataException($"{format}: file {i} of {SeedVariable}={Seed}: {error.Message}: {Convert.ToHexString(file)}", error);
            }
        });
        TestContext.Out.WriteLine($"{format}: {SeedVariable}={Seed}: {answered} read, {files - answered} refused; slowest {slowest * 1000.0 / Stopwatch.Frequency:F1} ms, most memory {most >> 10} KiB beyond the file");
        return answered;
    }

    /// <summary>Whether reading ends well, or in an error that names the file first, in words that a terminal shows.</summary>
    public static bool ReadsOrRefuses(Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (FileFormatException error)
        {
            if (!error.Message.StartsWith("fuzz: ", StringComparison.Ordinal) || error.Message.Length > 2500 || error.Message.Any(char.IsControl)) throw new InvalidDataException($"not a proper message: {error.Message}");
            return false;
        }
    }

    private static bool Measured(byte[] file, Func<byte[], bool> read, out long memory, out long ticks)
    {
        long before = GC.GetAllocatedBytesForCurrentThread(), began = Stopwatch.GetTimestamp();
        bool wasRead = read(file);
        ticks = Stopwatch.GetTimestamp() - began;
        memory = GC.GetAllocatedBytesForCurrentThread() - before - file.Length;
        return wasRead;
    }

    /// <summary>A seed of its own for each file, the same on every machine.</summary>
    private static int SeedOf(int seed, int file) => unchecked((int)((((uint)seed * 2654435761u) ^ ((uint)file * 2246822519u)) & int.MaxValue));

    private static void RaiseTo(ref long target, long value)
    {
        for (long seen = Interlocked.Read(ref target); value > seen; seen = Interlocked.Read(ref target)) Interlocked.CompareExchange(ref target, value, seen);
    }
}
