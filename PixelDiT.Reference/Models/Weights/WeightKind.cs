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
        s_negations = Words("non no not without pre before un"),
        s_trained = Words("online raw live current collected backup backups stored unaveraged noema nonema"),
        s_optimizers = Words("optimizer optimizers optim optims optimiser opt adam adamw adamax adagrad rmsprop muon momentum momenta moment moments hessian preconditioner"),
        s_gradients = Words("grad grads gradient gradients"),
        s_denials = Words("raw off none disabled wo without backup backups"),
        s_statistics = Words("sq sqs square squares squared variance var momentum hessian optimizer optim adam adamw"),
        // Averages of other things than weights.
        s_elsewhere = Words("pool pooling loss losses metric metrics mapper mapping joe"),
        // A momentum encoder or teacher is an average of the one that is trained; a momentum alone is the optimizer's.
        s_followers = Words("model net network teacher encoder backbone branch copy target"),
        s_squared = Words("exp square squared sq grad");

    // avg and avg_sq, ema_grad and ema_grad_squared: a mean and a mean of squares.
    private static readonly string[] s_squares = ["_sq", "_sqs", "_square", "_squares", "_squared"];

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
            if (OfSegment(PathWords.Split(segments[i])) is { } kind) return kind;
        }
        return WeightKind.Raw;
    }

    private static bool HasPartner(string before, string segment, Func<string, bool> exists)
        => s_squares.Any(end => exists(before + segment + end) || (segment.EndsWith(end, StringComparison.Ordinal) && exists(before + segment[..^end.Length]))) || s_moments.Any(pair => (segment == pair.First && exists(before + pair.Second)) || (segment == pair.Second && exists(before + pair.First)));

    private static WeightKind? OfSegment(IReadOnlyList<string> words)
    {
        bool averaged = false;
        for (int i = 0; i < words.Count; i++)
        {
            string word = words[i], before = i > 0 ? words[i - 1] : "";
            if (!IsAverage(word)) continue;
            if (s_squared.Contains(before)) return WeightKind.OptimizerState;
            if (s_negations.Contains(before)) return WeightKind.Raw;
            averaged = true;
        }
        if (averaged && words.Any(s_denials.Contains)) return WeightKind.Raw;
        if (averaged && words.Any(s_elsewhere.Contains)) return null;
        if (averaged) return words.Any(word => s_gradients.Contains(word) || s_statistics.Contains(word)) ? WeightKind.OptimizerState : WeightKind.Averaged;
        if (words.Contains("momentum") && words.Any(s_followers.Contains)) return WeightKind.Averaged;
        if (words.Any(s_optimizers.Contains)) return WeightKind.OptimizerState;
        if (words.Any(s_gradients.Contains)) return WeightKind.Gradients;
        return words.Any(s_trained.Contains) ? WeightKind.Raw : null;
    }

    /// <summary>Whether a word says that numbers are averaged, alone or run together with a word for weights, as in modelema.</summary>
    private static bool IsAverage(string word)
        => s_averages.Contains(word) || s_averages.Any(average => (word.StartsWith(average, StringComparison.Ordinal) && s_numbers.Contains(word[average.Length..]))
            || (word.EndsWith(average, StringComparison.Ordinal) && s_numbers.Contains(word[..^average.Length])));

    private static FrozenSet<string> Words(string words) => words.Split(' ').ToFrozenSet(StringComparer.Ordinal);
}
