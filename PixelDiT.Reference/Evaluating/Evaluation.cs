using System.Text.Encodings.Web;
using System.Text.Json;
using PixelDiT.Reference.Measuring.Distributions;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Evaluating;

/// <summary>A set as a result names it.</summary>
/// <param name="Name">What it was opened as.</param>
/// <param name="Kind">Folder, npz, data source or model.</param>
/// <param name="Images">Pictures that were measured; null where statistics came without their number.</param>
/// <param name="Statistics">Where its statistics come from: pictures, file or cache; null for measures without a network.</param>
public sealed record EvaluatedSet(string Name, string Kind, long? Images, string? Statistics);

/// <summary>A number.</summary>
/// <param name="Key">Its name in JSON.</param>
/// <param name="Title">Its name for people.</param>
/// <param name="Value">The number.</param>
/// <param name="Better">What is better: lower, higher, or nothing where it is a yardstick for the one before it.</param>
public sealed record EvaluatedNumber(string Key, string Title, double Value, string Better);

/// <summary>What an evaluation found.</summary>
/// <param name="Reference">The reference.</param>
/// <param name="Samples">What is measured against it.</param>
/// <param name="Numbers">The measures.</param>
/// <param name="Remarks">What a reader must know of the numbers, a sentence each.</param>
public sealed record Evaluation(EvaluatedSet? Reference, EvaluatedSet Samples, IReadOnlyList<EvaluatedNumber> Numbers, IReadOnlyList<string> Remarks)
{
    private static readonly JsonSerializerOptions s_options = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The network that the numbers are of, or null.</summary>
    public string? Network { get; init; }

    /// <summary>SHA-256 of the network's weights, or null.</summary>
    public string? Weights { get; init; }

    /// <summary>The way in, or null.</summary>
    public InceptionRoute? Route { get; init; }

    /// <summary>The result in JSON, a field a line. Numbers are float64, written so that they come back equal.</summary>
    public string ToJson() => JsonSerializer.Serialize(new Dictionary<string, object?>
    {
        ["program"] = $"pixeldit {typeof(Evaluation).Assembly.GetName().Version?.ToString(3)}",
        ["network"] = Network,
        ["network_sha256"] = Weights,
        ["preprocess"] = Route is { } route ? InceptionRoutes.NameOf(route) : null,
        ["reference"] = Reference is null ? null : Describe(Reference),
        ["samples"] = Describe(Samples),
        ["metrics"] = Numbers.ToDictionary(number => number.Key, number => double.IsFinite(number.Value) ? (object?)number.Value : null),
        ["remarks"] = Remarks
    }, s_options) + "\n";

    private static Dictionary<string, object?> Describe(EvaluatedSet set) => new() { ["name"] = set.Name, ["kind"] = set.Kind, ["images"] = set.Images, ["statistics"] = set.Statistics };

    /// <summary>Compares two sets by the network's features.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="samples">What is measured; its scores give inception scores.</param>
    /// <param name="neighbours">Whether precision and recall are wanted; both sets then have features.</param>
    /// <param name="threads">Threads, or −1 for one a core.</param>
    /// <param name="report">Told what is being computed, and what share of all is done.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<EvaluatedNumber> Compare(SetStatistics reference, SetStatistics samples, bool neighbours, int threads = -1, Action<double, string>? report = null, CancellationToken cancel = default)
    {
        List<EvaluatedNumber> numbers = [];
        report?.Invoke(0, "Fréchet distance");
        numbers.Add(new("fid", "FID", FrechetDistance.Between(reference.Pool, samples.Pool, threads, cancel), "lower"));
        if (reference.Spatial is { } spatial && samples.Spatial is { } other)
        {
            report?.Invoke(0.25, "spatial Fréchet distance");
            numbers.Add(new("sfid", "sFID", FrechetDistance.Between(spatial, other, threads, cancel), "lower"));
        }
        report?.Invoke(0.5, "inception score");
        numbers.AddRange(Scores(samples));
        if (neighbours && reference.Features is { } real && samples.Features is { } generated)
        {
            var shares = PrecisionRecall.Of(real, generated, InceptionFeatures.PoolWidth, PrecisionRecall.Neighbours, threads, share => report?.Invoke(0.5 + (share / 2), "precision and recall"), cancel);
            numbers.Add(new("precision", $"precision (k = {PrecisionRecall.Neighbours})", shares.Precision, "higher"));
            numbers.Add(new("recall", $"recall (k = {PrecisionRecall.Neighbours})", shares.Recall, "higher"));
        }
        return numbers;
    }

    /// <summary>Inception scores of a set; none where its scores were not kept.</summary>
    public static IEnumerable<EvaluatedNumber> Scores(SetStatistics samples)
    {
        if (samples.Scores is not { } scores) yield break;
        yield return new("inception_score", $"inception score (parts of {InceptionScore.PartOfAdm})", InceptionScore.OfParts(scores, InceptionFeatures.ScoreWidth), "higher");
        if (scores.Length < 10 * InceptionFeatures.ScoreWidth) yield break;
        var (mean, deviation) = InceptionScore.OfTen(scores, InceptionFeatures.ScoreWidth);
        yield return new("inception_score_ten", "inception score (ten parts)", mean, "higher");
        yield return new("inception_score_ten_deviation", "its standard deviation", deviation, "");
    }
}
