using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Numpy;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Evaluating;

/// <summary>
/// Keeps what was computed of reference sets. A file's name is a hash of the set's identity and the number of its pictures that count, of the network's weights and of the way in; every array in it has a check sum, and a file that does not
/// hold is as good as none.
/// </summary>
/// <param name="folder">The folder, made when it is needed; null for none.</param>
internal sealed class StatisticsCache(string? folder)
{
    /// <summary>The most bytes that all files take: 4 GiB. The oldest go first.</summary>
    public const long MostBytes = 4L << 30;

    private const int Version = 1;
    private const string Ending = ".npz";

    /// <summary>The user's own. Null where there is no such place.</summary>
    public static string? UserFolder() => CacheFolder.OfUser("statistics");

    /// <summary>What is kept of a set; null for nothing.</summary>
    /// <param name="identity">The set's.</param>
    /// <param name="limit">The most pictures of it that count.</param>
    /// <param name="weights">The hash of the network's weights.</param>
    /// <param name="route">The way in.</param>
    /// <param name="needsFeatures">Whether the features of every picture are wanted as well.</param>
    public SetStatistics? Find(string identity, long limit, string weights, InceptionRoute route, bool needsFeatures)
    {
        if (folder is null) return null;
        string path = PathOf(identity, limit, weights, route);
        if (!File.Exists(path)) return null;
        try
        {
            using var file = NpzReader.Open(path);
            if (StatisticsFile.Read(file) is not { Spatial: { } spatial, Images: { } images } given || given.Route != route) return null;
            float[]? features = StatisticsFile.ReadFeatures(file);
            if (needsFeatures && features?.LongLength != images * InceptionFeatures.PoolWidth) return null;
            CacheFolder.Touch(path);
            return new SetStatistics(images, route, given.Pool, spatial) { Features = features, Origin = "cache" };
        }
        catch (PixelDiTException)
        {
            return null;
        }
    }

    /// <summary>Keeps what was computed.</summary>
    /// <param name="identity">The set's.</param>
    /// <param name="limit">The most pictures of it that count.</param>
    /// <param name="weights">The hash of the network's weights.</param>
    /// <param name="statistics">What was computed.</param>
    /// <returns>Why it could not be kept; null where it was, or there is no folder.</returns>
    public string? Keep(string identity, long limit, string weights, SetStatistics statistics)
    {
        if (folder is null) return null;
        try
        {
            AtomicFile.MakeFolder(folder);
            string path = PathOf(identity, limit, weights, statistics.Route);
            StatisticsFile.Write(path, statistics, statistics.Features);
            CacheFolder.Trim(folder, Ending, path, MostBytes);
            return null;
        }
        catch (FileFormatException error)
        {
            return error.Message;
        }
    }

    internal string PathOf(string identity, long limit, string weights, InceptionRoute route)
    {
        using var hash = new ListingHash();
        return Path.Combine(folder!, hash.Add(Version).Add(identity).Add(limit).Add(weights).Add(InceptionRoutes.NameOf(route)).ToHex() + Ending);
    }
}
