using System.Collections.Frozen;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>What the numbers of a set are, by the words of its path.</summary>
public enum WeightKind
{
    /// <summary>Weights that nothing says are averaged.</summary>
    Raw,
    /// <summary>An average over training steps, which samples are drawn from.</summary>
    Averaged,
    /// <summary>What an optimizer keeps beside each parameter; no weights.</summary>
    OptimizerState,
    /// <summary>Gradients; no weights.</summary>
    Gradients
}

/// <summary>Reads kinds off paths.</summary>
internal static class WeightKinds
{
    private static readonly FrozenSet<string>
        s_averages = Words("ema emas ewma phema average averaged averages averaging avg avgs swa swag lawa shadow shadows polyak smoothed"),
        s_numbers = Words("model models net network nets denoiser unet dit generator gen weight weights param params parameter parameters state states dict sd teacher student module ckpt g d core"),
        s_negations = Words("pre before un"),
        s_denials = Words("raw off none disabled wo without backup backups non no not"),
        // Layers and measures that average in another sense.
        s_others = Words("pool pools pooling pooled loss losses metric metrics mapper mapping joe"),
        s_means = Words("avg avgs average averages"),
        s_trained = Words("online raw live current collected backup backups stored unaveraged noema nonema"),
        s_optimizers = Words("optimizer optimizers optim optims optimiser opt adam adamw adamax adagrad rmsprop rms came muon momentum momenta moment moments hessian preconditioner"),
        s_gradients = Words("grad grads gradient gradients"),
        // A momentum encoder or teacher is an average of the one that is trained; a momentum alone is the optimizer's.
        s_followers = Words("model net network teacher encoder backbone branch copy target"),
        s_squares = Words("square squares squared sq sqs variance var");

    // avg and avg_sq, ema_grad and ema_grad_squared: a mean and a mean of squares.
    private static readonly string[] s_squareEnds = ["_sq", "_sqs", "_square", "_squares", "_squared"];

    private static readonly (string First, string Second)[] s_moments = [("first", "second"), ("m", "v"), ("mu", "nu"), ("m1", "m2")];

    /// <summary>Kind in words, as a list of sets says it.</summary>
    public static string Name(this WeightKind kind) => kind switch
    {
        WeightKind.Averaged => "averaged",
        WeightKind.OptimizerState => "optimizer state",
        WeightKind.Gradients => "gradients",
        _ => "raw"
    };

    /// <summary>The kind of a set.</summary>
    /// <param name="path">Its path. The last segment that says anything decides: <c>ema.online_model</c> is raw, <c>optimizer.ema</c> an average.</param>
    /// <param name="exists">Whether a path is that of another set; the names of moments say something in pairs only.</param>
    public static WeightKind Of(string path, Func<string, bool> exists)
    {
        string[] segments = path.Split(['.', '/'], StringSplitOptions.RemoveEmptyEntries);
        if (segments.Length > 0 && HasPartner(path[..path.LastIndexOf(segments[^1], StringComparison.Ordinal)], segments[^1], exists)) return WeightKind.OptimizerState;
        for (int i = segments.Length - 1; i >= 0; i--)
        {
            if (OfSegment(segments[i]) is not { } kind) continue;
            // Beside an optimizer's other numbers, a mean is its own; ema alone is how optimizers that average weights call those.
            bool isMean = kind == WeightKind.Averaged && i > 0 && PathWords.Split(segments[i]).All(s_means.Contains);
            return isMean && PathWords.Split(segments[i - 1]).Any(s_optimizers.Contains) ? WeightKind.OptimizerState : kind;
        }
        return WeightKind.Raw;
    }

    private static bool HasPartner(string before, string segment, Func<string, bool> exists)
        => s_squareEnds.Any(end => exists(before + segment + end) || (segment.EndsWith(end, StringComparison.Ordinal) && exists(before + segment[..^end.Length]))) || s_moments.Any(pair => (segment == pair.First && exists(before + pair.Second)) || (segment == pair.Second && exists(before + pair.First)));

    private static WeightKind? OfSegment(string segment)
    {
        var words = PathWords.Split(segment);
        bool isFollower = words.Any(s_followers.Contains), isOptimizers = words.Any(word => s_optimizers.Contains(word) && !(word == "momentum" && isFollower));
        if (words.Any(IsAverage) && !words.Any(s_others.Contains))
        {
            if (isOptimizers || words.Any(word => s_squares.Contains(word) || s_gradients.Contains(word)) || IsBehind("exp", words) || HasMoment(segment)) return WeightKind.OptimizerState;
            return words.Any(s_denials.Contains) || s_negations.Any(word => IsBehind(word, words)) ? WeightKind.Raw : WeightKind.Averaged;
        }
        if (words.Contains("momentum") && isFollower) return WeightKind.Averaged;
        if (isOptimizers) return WeightKind.OptimizerState;
        if (words.Any(s_gradients.Contains)) return WeightKind.Gradients;
        return words.Any(s_trained.Contains) ? WeightKind.Raw : null;
    }

    /// <summary>Whether a word for an average stands right behind another word.</summary>
    private static bool IsBehind(string word, IReadOnlyList<string> words) => Enumerable.Range(1, words.Count - 1).Any(i => words[i - 1] == word && IsAverage(words[i]));

    /// <summary>Whether one of the parts of a name is an optimizer's m or v; the v of a version has a number behind it.</summary>
    private static bool HasMoment(string segment) => segment.Split('_', '-').Any(part => part is "m" or "v");

    /// <summary>Whether a word says that numbers are averaged, alone or run together with a word for weights, as in modelema.</summary>
    private static bool IsAverage(string word)
        => s_averages.Contains(word) || s_averages.Any(average => (word.StartsWith(average, StringComparison.Ordinal) && s_numbers.Contains(word[average.Length..]))
            || (word.EndsWith(average, StringComparison.Ordinal) && s_numbers.Contains(word[..^average.Length])));

    private static FrozenSet<string> Words(string words) => words.Split(' ').ToFrozenSet(StringComparer.Ordinal);
}
