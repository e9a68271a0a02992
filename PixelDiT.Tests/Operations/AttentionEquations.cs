namespace PixelDiT.Tests.Operations;

/// <summary>What a sum is, and what its terms amount to without their signs: rounding each of them by u moves it by no more than u of that.</summary>
internal sealed class SignedSums(int count)
{
    /// <summary>The sums.</summary>
    public double[] Values { get; } = new double[count];

    /// <summary>The sums of what the terms are made of, without signs.</summary>
    public double[] Magnitudes { get; } = new double[count];

    /// <summary>Adds weight·values, width of them.</summary>
    public void Add(int first, double[] values, int second, double weight, double magnitude, int width)
    {
        for (int c = 0; c < width; c++)
        {
            Values[first + c] += weight * values[second + c];
            Magnitudes[first + c] += magnitude * Math.Abs(values[second + c]);
        }
    }
}

/// <summary>Attention and its gradients [B, L, h, hd] in double precision, by the equations of <see cref="Kernels.Operations.Attention"/>, all of L×L written out.</summary>
internal sealed class AttentionEquations
{
    public AttentionEquations(double[] q, double[] k, double[] v, double[] dO, int tokens, int heads, int width)
    {
        double scale = 1 / Math.Sqrt(width);
        (O, DQ, DK, DV) = (new(q.Length), new(q.Length), new(q.Length), new(q.Length));
        Lse = new double[q.Length / width];
        for (int pair = 0; pair < q.Length / (tokens * width); pair++)
        {
            int At(int token) => ((((pair / heads * tokens) + token) * heads) + (pair % heads)) * width;
            for (int i = 0; i < tokens; i++)
            {
                double[] scores = [.. Enumerable.Range(0, tokens).Select(j => scale * Dot(q, At(i), k, At(j), width))];
                double lse = Math.Log(scores.Sum(score => Math.Exp(score - scores.Max()))) + scores.Max();
                Lse[(pair * tokens) + i] = lse;
                double[] probabilities = [.. scores.Select(score => Math.Exp(score - lse))];
                for (int j = 0; j < tokens; j++) O.Add(At(i), v, At(j), probabilities[j], probabilities[j], width);

                double delta = Dot(dO, At(i), O.Values, At(i), width), deltaMagnitude = Magnitude(dO, At(i), O.Values, At(i), width);
                for (int j = 0; j < tokens; j++)
                {
                    double dS = probabilities[j] * (Dot(dO, At(i), v, At(j), width) - delta) * scale;
                    double magnitude = probabilities[j] * (Magnitude(dO, At(i), v, At(j), width) + deltaMagnitude) * scale;
                    DV.Add(At(j), dO, At(i), probabilities[j], probabilities[j], width);
                    DQ.Add(At(i), k, At(j), dS, magnitude, width);
                    DK.Add(At(j), q, At(i), dS, magnitude, width);
                }
            }
        }
    }

    /// <summary>Results and gradients.</summary>
    public SignedSums O { get; }

    public SignedSums DQ { get; }

    public SignedSums DK { get; }

    public SignedSums DV { get; }

    /// <summary>log Σ exp S [B, h, L].</summary>
    public double[] Lse { get; }

    private static double Dot(double[] a, int first, double[] b, int second, int width) => Enumerable.Range(0, width).Sum(c => a[first + c] * b[second + c]);

    private static double Magnitude(double[] a, int first, double[] b, int second, int width) => Enumerable.Range(0, width).Sum(c => Math.Abs(a[first + c] * b[second + c]));
}
