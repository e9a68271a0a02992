using System.Runtime.InteropServices;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Numpy;
using PixelDiT.Reference.Measuring.Distributions;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Evaluating;

/// <summary>Statistics that a file of NumPy holds.</summary>
/// <param name="Pool">Of the pool: <c>mu</c>, <c>sigma</c>.</param>
/// <param name="Spatial">Of what sFID is of: <c>mu_s</c>, <c>sigma_s</c>; null where the file has none.</param>
/// <param name="Route">The way in that they are of; null where neither the file nor its form tells.</param>
/// <param name="Images">How many pictures they are of; null where the file does not tell.</param>
public sealed record GivenStatistics(GaussianStatistics Pool, GaussianStatistics? Spatial, InceptionRoute? Route, long? Images);

/// <summary>
/// Statistics in the form of ADM's evaluation suite: <c>mu</c> [2048], <c>sigma</c> [2048, 2048], <c>mu_s</c> [2023], <c>sigma_s</c> [2023, 2023]; written in float64. This program adds <c>images</c>, a whole number, and <c>preprocess</c>, the name of the way in; others pass
/// over them. A file with <c>mu_s</c> that does not name its way in is ADM's, which is TensorFlow's.
/// </summary>
public static class StatisticsFile
{
    private const string Mean = "mu", Covariance = "sigma", SpatialMean = "mu_s", SpatialCovariance = "sigma_s", Images = "images", Route = "preprocess", Features = "features";

    /// <summary>What an archive holds; null where it has no <c>mu</c>.</summary>
    /// <exception cref="FileFormatException">An array is missing, of another shape or damaged.</exception>
    /// <exception cref="NotFiniteException">A value is infinite or no number.</exception>
    public static GivenStatistics? Read(NpzReader file)
    {
        if (!file.Contains(Mean)) return null;
        var spatial = file.Contains(SpatialMean) ? Read(file, SpatialMean, SpatialCovariance, InceptionFeatures.SpatialWidth) : null;
        InceptionRoute? route = !file.Contains(Route) ? spatial is null ? null : InceptionRoute.TensorFlow
            : InceptionRoutes.TryParse(Encoding.ASCII.GetString(file.ReadBytes(Route)), out var named) ? named : throw new FileFormatException($"{file.Source}: {Route} names no way in; one of {string.Join(", ", InceptionRoutes.Names)} was expected");
        return new GivenStatistics(Read(file, Mean, Covariance, InceptionFeatures.PoolWidth), spatial, route, file.Contains(Images) ? file.ReadIntegers(Images)[0] : null);
    }

    /// <summary>The features that a file of the cache keeps beside its statistics; null where it has none.</summary>
    /// <exception cref="FileFormatException">They are of another shape or damaged.</exception>
    internal static float[]? ReadFeatures(NpzReader file) => file.Contains(Features)
        ? file[Features].Shape is [_, InceptionFeatures.PoolWidth] ? file.ReadSingles(Features) : throw new FileFormatException($"{file.Source}: {Features} has the shape [{string.Join(", ", file[Features].Shape)}]; [n, {InceptionFeatures.PoolWidth}] was expected")
        : null;

    /// <summary>Writes statistics; the file appears when it is complete.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="statistics">What to write.</param>
    /// <param name="features">[n, 2048], or null.</param>
    /// <exception cref="FileFormatException">It cannot be written.</exception>
    public static void Write(string path, SetStatistics statistics, float[]? features = null) => AtomicFile.Write(path, stream =>
    {
        var writer = new NpzWriter(stream);
        Write(writer, Mean, Covariance, statistics.Pool);
        if (statistics.Spatial is { } spatial) Write(writer, SpatialMean, SpatialCovariance, spatial);
        if (statistics.Images is { } images)
        {
            writer.Begin(Images, NpyHeader.Int64, [1], sizeof(long));
            writer.Write(BitConverter.GetBytes(images));
        }
        byte[] route = Encoding.ASCII.GetBytes(InceptionRoutes.NameOf(statistics.Route));
        writer.Begin(Route, NpyHeader.UInt8, [route.Length], 1);
        writer.Write(route);
        if (features is not null)
        {
            writer.Begin(Features, NpyHeader.Float32, [features.Length / InceptionFeatures.PoolWidth, InceptionFeatures.PoolWidth], sizeof(float));
            writer.Write(MemoryMarshal.AsBytes(features.AsSpan()));
        }
        writer.Finish();
    });

    private static GaussianStatistics Read(NpzReader file, string mean, string covariance, int width)
    {
        if (!file.Contains(covariance)) throw new FileFormatException($"{file.Source}: has {mean} without {covariance}");
        if (file[mean].Shape is not [var m] || m != width || file[covariance].Shape is not [var rows, var columns] || rows != width || columns != width)
        {
            throw new FileFormatException($"{file.Source}: {mean} has the shape [{string.Join(", ", file[mean].Shape)}] and {covariance} [{string.Join(", ", file[covariance].Shape)}]; [{width}] and [{width}, {width}] were expected");
        }
        return new GaussianStatistics(file.ReadDoubles(mean), file.ReadDoubles(covariance)).Validate(file.Source);
    }

    private static void Write(NpzWriter writer, string mean, string covariance, GaussianStatistics statistics)
    {
        writer.Begin(mean, NpyHeader.Float64, [statistics.Width], sizeof(double));
        writer.Write(MemoryMarshal.AsBytes(statistics.Mean.AsSpan()));
        writer.Begin(covariance, NpyHeader.Float64, [statistics.Width, statistics.Width], sizeof(double));
        writer.Write(MemoryMarshal.AsBytes(statistics.Covariance.AsSpan()));
    }
}
