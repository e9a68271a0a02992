using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Sampling;

/// <summary>A text file of seeds, one a line, for runs whose seeds follow no rule, such as those that the authors' data loader draws.</summary>
internal static class SeedList
{
    private const long LongestLine = 32;

    /// <summary>Reads a list.</summary>
    /// <param name="path">The file: whole numbers from 0 to 2^64 − 1, a line each.</param>
    /// <param name="count">The images, which is how many seeds there must be.</param>
    /// <exception cref="FileFormatException">The file cannot be read, holds another number of lines, or a line is no seed.</exception>
    public static IReadOnlyList<ulong> Read(string path, long count)
    {
        using var stream = AtomicFile.OpenRead(path);
        try
        {
            if (stream.Length > count * LongestLine) throw new FileFormatException($"{path}: has {stream.Length} bytes; {count} seeds, a line for each image, were expected");
            var seeds = new List<ulong>();
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                seeds.Add(ulong.TryParse(line.AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
                    ? seed
                    : throw new FileFormatException($"{path}: line {seeds.Count + 1} is {Quote.Text(line)}; a whole number from 0 to 2^64 - 1 was expected"));
            }
            return seeds.Count == count ? seeds : throw new FileFormatException($"{path}: holds {seeds.Count} seeds; {count}, a line for each image, were expected");
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }
}
