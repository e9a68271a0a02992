using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Evaluating;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training.Ranks;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Commands.Evaluations;

/// <summary>An evaluation under displays: opens sets, takes statistics from where they are, computes the rest.</summary>
/// <param name="device">Where the network runs.</param>
internal sealed class EvaluationRun(Device device) : IDisposable
{
    /// <summary>Images of a source that draws as many as are asked for, where nothing is said.</summary>
    public const int UsualDrawn = 10_000;

    private const int ShownLeftOut = 5;

    private readonly List<string> _remarks = [];
    private InceptionNetwork? _network;
    private string? _networkName, _networkHash;

    public required InceptionRoute Route { get; init; }

    public required long? Most { get; init; }

    public required ImagePart Part { get; init; }

    public required bool Neighbours { get; init; }

    public required string? CacheFolder { get; init; }

    public required string? ImageCacheFolder { get; init; }

    public required int Threads { get; init; }

    public required ImageSize? Asked { get; init; }

    /// <summary>Processes that share the pictures; null for one. Those that are not rank 0 <see cref="Serve"/>.</summary>
    public required ICommunicator? Ranks { get; init; }

    private FeatureExtraction Extraction => new(_network!, Route, Threads) { Ranks = Ranks };

    /// <summary>Reads and hashes the network's weights.</summary>
    /// <exception cref="FileFormatException">They are not those of the network.</exception>
    public void LoadNetwork(string path, CancellationToken cancel)
    {
        using var file = WeightFile.Open(path);
        _network = new InceptionNetwork(device, file);
        using var hash = new ListingHash();
        foreach (string part in file.Files) hash.Add(FileHash.Of(part, CacheFolder, null, cancel));
        (_networkName, _networkHash) = (Path.GetFileName(path), file.Files is [var only] ? FileHash.Of(only, CacheFolder, null, cancel) : hash.ToHex());
    }

    /// <summary>Opens a set that no model draws.</summary>
    /// <param name="text">What the user typed.</param>
    /// <param name="other">The size of the other set's pictures, at which a data source is read where nothing is said.</param>
    /// <param name="cancel">Ends the opening.</param>
    /// <param name="channels">Channels of a model's images; null for colour.</param>
    public IImageSet Open(string text, ImageSize? other, CancellationToken cancel, int? channels = null)
    {
        switch (ImageSets.KindOf(text))
        {
            case ImageSetKind.Folder:
                return new FolderSet(text, Threads, cancel);
            case ImageSetKind.Npz:
                return new NpzSet(text, CacheFolder);
            default:
                var size = ImageSets.SizeFor(text, Asked, other);
                if (ImageSources.IsFolder(text) && Part == ImagePart.HeldOut) throw new ConfigurationException($"{text}: a folder has no held-out part; --held-out is of shapes, idx and cifar10");
                var source = Part == ImagePart.Training
                    ? DataReport.Open(text, size, channels ?? 3, new SourceOptions { CacheFolder = ImageCacheFolder, AllowEmptyClasses = true, Cancel = cancel })
                    : ImageSources.Open(text, size, channels ?? 3, Part);
                return new SourceSet(source, Most ?? (DataReport.IsEndless(source.Count) ? UsualDrawn : source.Count));
        }
    }

    /// <summary>Measures a set.</summary>
    /// <param name="reference">What it is measured against, or null.</param>
    /// <param name="samples">The set.</param>
    /// <param name="statisticsFile">Where its statistics are written, or null.</param>
    /// <param name="cancel">Ends the work; nothing is written then.</param>
    public Evaluation Evaluate(IImageSet? reference, IImageSet samples, string? statisticsFile, CancellationToken cancel)
    {
        if (_network is null) return WithoutNetwork(reference!, samples, cancel);
        bool neighbours = Neighbours && reference is not null && MayKeep(reference) && MayKeep(samples);
        var theirs = reference is null ? null : OfReference(reference, neighbours, cancel);
        var ours = samples.Count == 0 ? Taken(samples) : Extract(samples, neighbours && theirs?.Features is not null, keepScores: true, cancel);
        if (neighbours && (theirs?.Features ?? ours.Features) is null) _remarks.Add("precision and recall need pictures of both sets; one has statistics only");
        if (statisticsFile is not null) StatisticsFile.Write(statisticsFile, ours);
        IReadOnlyList<EvaluatedNumber> numbers = theirs is null ? [.. Evaluation.Scores(ours)]
            : ProgressDisplay.Show("comparing", 1, show => Evaluation.Compare(theirs, ours, neighbours, Threads, (done, what) => show(done, what), cancel));
        foreach (var (set, of) in ((IImageSet?, SetStatistics?)[])[(reference, theirs), (samples, ours)]) Remark(set, of);
        if (numbers.Any(number => number.Key == "precision")) _remarks.Add("precision and recall by squared distances in float64; evaluators that use float16 give other last digits");
        return new Evaluation(reference is null ? null : Describe(reference, theirs!), Describe(samples, ours), numbers, _remarks) { Network = _networkName, Weights = _networkHash, Route = Route };
    }

    private Evaluation WithoutNetwork(IImageSet reference, IImageSet samples, CancellationToken cancel)
    {
        var (numbers, theirs, ours, remarks) = ProgressDisplay.Show("measuring", 1, show => ClassMeasures.Compare(reference, samples, Most ?? long.MaxValue, done => show(Math.Min(1, done), "measuring"), cancel));
        return new Evaluation(new(reference.Name, reference.Kind, theirs, null), new(samples.Name, samples.Kind, ours, null), numbers, [.. remarks, "measures without a network; they are no FID"]);
    }

    /// <summary>Checks that all ranks measure the same pictures by the same network.</summary>
    /// <param name="reference">What is measured against, or null.</param>
    /// <param name="samples">What is measured.</param>
    /// <param name="drawn">Of a model, what it draws.</param>
    /// <exception cref="DistributedException">One does not; the message names the rank.</exception>
    public void RequireSame(IImageSet? reference, IImageSet samples, string? drawn)
    {
        if (Ranks is null) return;
        var settings = new Dictionary<string, string> { ["the network"] = $"{_networkHash}", ["preprocess"] = InceptionRoutes.NameOf(Route), ["images"] = $"{Most}", ["the samples"] = drawn ?? samples.Identity ?? samples.Name };
        if (reference is not null) settings["the reference"] = reference.Identity ?? reference.Name;
        RankStart.RequireSame(Ranks, "measure", settings);
    }

    /// <summary>Computes the share of a rank that is not the first of what rank 0 does in <see cref="Evaluate"/>.</summary>
    public void Serve(IImageSet? reference, IImageSet samples, CancellationToken cancel)
    {
        if (reference is not null && Ranks!.FromFirst(0) != 0) Extraction.Serve(reference, CountOf(reference), cancel);
        if (samples.Count > 0) Extraction.Serve(samples, CountOf(samples), cancel);
    }

    private long CountOf(IImageSet set) => Math.Min(Most ?? long.MaxValue, set.Count);

    /// <summary>From the file itself, the cache, or the pictures.</summary>
    private SetStatistics OfReference(IImageSet set, bool needsFeatures, CancellationToken cancel)
    {
        var given = set.Given is { } of && (of.Route is null || of.Route == Route) ? of : null;
        needsFeatures &= set.Count > 0;
        if (given is not null && !needsFeatures || set.Count == 0)
        {
            Ranks?.FromFirst(0);
            return Taken(set);
        }
        var cache = new StatisticsCache(set.Identity is null ? null : CacheFolder);
        long limit = Most ?? set.Count;
        var found = cache.Find(set.Identity ?? "", limit, _networkHash!, Route, needsFeatures);
        Ranks?.FromFirst(found is null ? 1 : 0);
        if (found is null)
        {
            found = Extract(set, needsFeatures, keepScores: false, cancel);
            if (cache.Keep(set.Identity ?? "", limit, _networkHash!, found) is { } problem) Terminal.Complain($"the statistics are not kept for the next time: {problem}");
        }
        // Distances are of the statistics that were published with the pictures.
        return given is null ? found : found with { Images = given.Images ?? found.Images, Pool = given.Pool, Spatial = given.Spatial ?? found.Spatial, Origin = "file" };
    }

    private SetStatistics Taken(IImageSet set)
    {
        var given = set.Given!;
        if (given.Route is { } route && route != Route) throw new ConfigurationException($"{set.Name}: its statistics are of preprocessing {InceptionRoutes.NameOf(route)}, and it has no pictures; --preprocess {InceptionRoutes.NameOf(route)} was expected");
        if (given.Route is null) _remarks.Add($"{set.Name} does not say of which preprocessing its statistics are; {InceptionRoutes.NameOf(Route)} was assumed");
        return new SetStatistics(given.Images, Route, given.Pool, given.Spatial) { Origin = "file" };
    }

    private SetStatistics Extract(IImageSet set, bool keepFeatures, bool keepScores, CancellationToken cancel)
    {
        long count = CountOf(set);
        var extraction = Extraction;
        if (count > FeatureExtraction.MostKept) keepScores = false;
        return ProgressDisplay.Show("features", count, show =>
        {
            long features = 0;
            void Show(double done) => show(Math.Min(count, done), $"{(set is ModelSet ? "drawing" : "features")} of {set.Name}, image {features} of {count}");
            if (set is ModelSet model) model.Report = Show;
            return extraction.Run(set, count, keepFeatures, keepScores, done =>
            {
                features = done;
                Show(done);
            }, cancel);
        });
    }

    /// <summary>Whether the features of all pictures fit into memory.</summary>
    private bool MayKeep(IImageSet set)
    {
        if (Math.Min(Most ?? long.MaxValue, set.Count) <= FeatureExtraction.MostKept) return true;
        _remarks.Add($"no precision and recall: {set.Name} has more than {FeatureExtraction.MostKept:N0} pictures; --images takes fewer");
        return false;
    }

    private void Remark(IImageSet? set, SetStatistics? of)
    {
        if (set is null || of is null) return;
        if (of.Images is { } images and < SetStatistics.FullRank) _remarks.Add($"{set.Name}: {images:N0} images are fewer than {SetStatistics.FullRank:N0}, so their covariance is singular and the distance is mostly that of their small number; published FIDs are of 50,000");
        foreach (string reason in set.LeftOut.Take(ShownLeftOut)) Terminal.Complain($"left out {reason}");
        if (set.LeftOut.Count > ShownLeftOut) Terminal.Complain($"left out {set.LeftOut.Count - ShownLeftOut:N0} more of {set.Name}");
    }

    private static EvaluatedSet Describe(IImageSet set, SetStatistics of) => new(set.Name, set.Kind, of.Images, of.Origin);

    /// <summary>Frees the network.</summary>
    public void Dispose() => _network?.Dispose();
}
