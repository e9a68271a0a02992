using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;

namespace PixelDiT.Reference.Measuring.Distributions;

/// <summary>
/// The inception score (Salimans et al. 2016) of the scores that a classifier gives generated images, in float64. Of a part of them, with p = softmax(scores):
/// <code>
/// exp(mean over samples of Σ_c p_c·(ln p_c − ln mean p_c))
/// </code>
/// Published numbers take the classifier without its bias.
/// </summary>
public static class InceptionScore
{
    /// <summary>Samples of a part in ADM's evaluator.</summary>
    public const int PartOfAdm = 5000;

    private const int Parts = 10;

    // torch-fidelity's: NumPy's RandomState(2020).
    private const ulong Seed = 2020;

    /// <summary>As ADM's evaluator: parts that follow one another, a shorter last one counts like the others; their mean.</summary>
    /// <param name="scores">[n, classes].</param>
    /// <param name="classes">Classes.</param>
    /// <param name="part">Samples of a part.</param>
    /// <exception cref="ShapeException">The scores are no whole rows.</exception>
    public static double OfParts(ReadOnlySpan<float> scores, int classes, int part = PartOfAdm)
    {
        int n = Count(scores, classes);
        double sum = 0;
        int parts = 0;
        for (int first = 0; first < n; first += part, parts++)
        {
            int[] rows = [.. Enumerable.Range(first, Math.Min(part, n - first))];
            sum += Of(scores, classes, rows);
        }
        return sum / parts;
    }

    /// <summary>As torch-fidelity: ten parts [i·n/10, (i + 1)·n/10), after a fixed permutation; mean and population standard deviation.</summary>
    /// <param name="scores">[n, classes].</param>
    /// <param name="classes">Classes.</param>
    /// <param name="permuted">Whether samples are permuted.</param>
    /// <exception cref="ShapeException">The scores are no whole rows.</exception>
    /// <exception cref="DataException">There are fewer than ten samples.</exception>
    public static (double Mean, double Deviation) OfTen(ReadOnlySpan<float> scores, int classes, bool permuted = true)
    {
        int n = Count(scores, classes);
        if (n < Parts) throw new DataException($"an inception score of {Parts} parts was asked for of {n} samples; at least {Parts} were expected");
        int[] order = permuted ? Permutation(n) : [.. Enumerable.Range(0, n)];
        double[] values = new double[Parts];
        for (int i = 0; i < Parts; i++) values[i] = Of(scores, classes, order.AsSpan((int)((long)i * n / Parts)..(int)((i + 1L) * n / Parts)));
        double mean = values.Average();
        return (mean, Math.Sqrt(values.Average(value => (value - mean) * (value - mean))));
    }

    /// <summary>What NumPy's <c>RandomState(2020).permutation(n)</c> gives: each place from the last down changes with one at or before it, drawn by refusing what lies beyond.</summary>
    internal static int[] Permutation(int n)
    {
        var random = new TorchRandom(Seed);
        int[] order = [.. Enumerable.Range(0, n)];
        for (int i = n - 1; i > 0; i--)
        {
            uint mask = (uint)i;
            for (int shift = 1; shift <= 16; shift *= 2) mask |= mask >> shift;
            uint j;
            do j = random.NextUInt32() & mask;
            while (j > i);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    private static double Of(ReadOnlySpan<float> scores, int classes, ReadOnlySpan<int> rows)
    {
        double[] mean = new double[classes], p = new double[classes];
        double entropy = 0;
        foreach (int row in rows)
        {
            var of = scores.Slice(row * classes, classes);
            double largest = double.NegativeInfinity, total = 0;
            foreach (float score in of) largest = Math.Max(largest, score);
            for (int c = 0; c < classes; c++) total += p[c] = Math.Exp(of[c] - largest);
            double logarithm = Math.Log(total);
            for (int c = 0; c < classes; c++)
            {
                p[c] /= total;
                mean[c] += p[c];
                entropy += p[c] * (of[c] - largest - logarithm);
            }
        }
        // Σ over samples of p·ln mean p is that of the mean itself, n times.
        double cross = 0;
        foreach (double sum in mean)
        {
            if (sum > 0) cross += sum * Math.Log(sum / rows.Length);
        }
        return Math.Exp((entropy - cross) / rows.Length);
    }

    private static int Count(ReadOnlySpan<float> scores, int classes)
        => classes > 0 && scores.Length > 0 && scores.Length % classes == 0 ? scores.Length / classes : throw new ShapeException($"{scores.Length} scores were given; rows of {classes} were expected");
}
