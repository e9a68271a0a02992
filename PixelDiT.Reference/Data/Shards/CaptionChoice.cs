namespace PixelDiT.Reference.Data.Shards;

/// <summary>A caption that may be drawn.</summary>
/// <param name="Type">Who wrote it.</param>
/// <param name="Score">How well it fits its image (CLIP).</param>
/// <param name="Probability">How likely it is drawn.</param>
internal readonly record struct CaptionCandidate(string Type, double Score, double Probability);

/// <summary>
/// Which caption of an image is trained on: those with a score of at least <see cref="Threshold"/> are drawn with probabilities ∝ score^(1/<see cref="Temperature"/>); where none has it, the best, the first of equals;
/// where nothing is scored, <see cref="Unscored"/> with a score of 0.
/// </summary>
internal static class CaptionChoice
{
    /// <summary>The score from which on captions are drawn.</summary>
    public const double Threshold = 25;

    /// <summary>The authors' temperature: the tenth power of the score.</summary>
    public const double Temperature = 0.1;

    /// <summary>The caption that every image has.</summary>
    public const string Unscored = "prompt";

    private const double LeastTemperature = 0.01;

    /// <summary>The captions that may be drawn, with probabilities that sum to 1.</summary>
    /// <param name="scores">Types with their scores; a type may occur more than once.</param>
    /// <param name="has">Whether there is a caption of a type; types without are passed over.</param>
    /// <param name="temperature">At least 0; below 0.01 it counts as that.</param>
    public static IReadOnlyList<CaptionCandidate> Candidates(IEnumerable<(string Type, double Score)> scores, Func<string, bool> has, double temperature = Temperature)
    {
        (string Type, double Score)[] known = [.. scores.Where(score => has(score.Type))];
        if (known.Length == 0) return [new CaptionCandidate(Unscored, 0, 1)];
        (string Type, double Score)[] good = [.. known.Where(score => score.Score >= Threshold)];
        if (good.Length == 0)
        {
            var (type, score) = known.MaxBy(candidate => candidate.Score);
            return [new CaptionCandidate(type, score, 1)];
        }
        double power = 1 / Math.Max(temperature, LeastTemperature);
        // Over the best score: the hundredth power of a large score is beyond double precision.
        double best = good.Max(candidate => candidate.Score);
        double[] weights = [.. good.Select(candidate => Math.Pow(candidate.Score / best, power))];
        double sum = weights.Sum();
        return [.. good.Zip(weights, (candidate, weight) => new CaptionCandidate(candidate.Type, candidate.Score, weight / sum))];
    }

    /// <summary>The candidate that a uniform draw picks: the first whose cumulative probability lies above it.</summary>
    /// <param name="candidates">At least one.</param>
    /// <param name="u">From 0 to below 1.</param>
    public static CaptionCandidate Pick(IReadOnlyList<CaptionCandidate> candidates, double u)
    {
        double total = candidates.Sum(candidate => candidate.Probability), sum = 0;
        foreach (var candidate in candidates)
        {
            sum += candidate.Probability;
            if (sum > u * total) return candidate;
        }
        return candidates[^1];
    }
}
