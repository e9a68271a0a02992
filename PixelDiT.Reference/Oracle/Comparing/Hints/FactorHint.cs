using System.Globalization;

namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>A constant times the right values, or a constant beside them.</summary>
internal sealed class FactorHint : IHint
{
    // Any tensor of one element is some factor of another; such a factor must have a name.
    private const int LeastElements = 3;
    private const double SameNumber = 1e-4;

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (!suspect.SameCount) return null;
        double squares = suspect.A.Sum(a => a * a), factor = suspect.A.Zip(suspect.B, (a, b) => a * b).Sum() / squares;
        if (squares > 0 && factor != 0 && double.IsFinite(factor) && suspect.Matches([.. suspect.A.Select(a => factor * a)]))
        {
            string? meaning = Names(suspect).FirstOrDefault(known => Math.Abs((factor / known.Value) - 1) < SameNumber).Name;
            if (meaning is not null || suspect.A.Length >= LeastElements) return $"is A times {Number(factor)}{(meaning is null ? "" : $" ({meaning})")}";
        }
        if (suspect.A.Length < LeastElements) return null;
        double offset = suspect.B.Average() - suspect.A.Average();
        return suspect.Matches([.. suspect.A.Select(a => a + offset)]) ? $"is A plus {Number(offset)}" : null;
    }

    private static IEnumerable<(double Value, string Name)> Names(Suspect suspect)
    {
        yield return (-1, Velocity(suspect) ?? "the opposite sign");
        yield return (2, "two");
        yield return (0.5, "one half");
        yield return (1000, "the number of steps of models whose time runs to 1000");
        yield return (0.001, "one over the number of steps of models whose time runs to 1000");
        if (suspect.Geometry is not { } g) yield break;
        foreach (var (size, name) in new (double, string)[]
        {
            (g.HeadWidth, "hd, the width of a head"), (g.Images, "B, the images of the batch"), (g.Tokens, "L, the tokens of an image"), (g.PatchPixels, "P, the pixels of a patch"),
            (g.Channels, "C, the channels of an image"), ((double)g.Images * g.Channels * g.Height * g.Width, "the elements of the output: a sum in place of a mean"),
            ((double)g.Channels * g.Height * g.Width, "the elements of an image: a sum over an image in place of a mean")
        })
        {
            if (size <= 1) continue;
            yield return (size, name);
            yield return (1 / size, $"one over {name}");
            yield return (Math.Sqrt(size), $"the root of {name}");
            yield return (1 / Math.Sqrt(size), $"one over the root of {name}");
        }
    }

    /// <summary>What the opposite sign of a velocity is; null for other tensors.</summary>
    private static string? Velocity(Suspect suspect)
    {
        const string toData = "x − ε, the velocity from noise to data", toNoise = "ε − x, the velocity from data to noise";
        if (suspect.Name is not ("out" or "target.v" or "act.final_layer")) return null;
        return suspect.Reference.IsText ? $"the opposite sign: {toData} of class models, where a text-to-image model's is {toNoise}" : $"the opposite sign: {toNoise} of text-to-image models, where a class model's is {toData}";
    }

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
