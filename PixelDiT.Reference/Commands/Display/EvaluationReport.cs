using System.Globalization;
using PixelDiT.Reference.Evaluating;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Prints what an evaluation found: the sets, the network, the numbers, and what a reader must know of them.</summary>
internal static class EvaluationReport
{
    /// <summary>Prints a result.</summary>
    public static void Print(Evaluation found)
    {
        foreach (var (role, set) in (ReadOnlySpan<(string, EvaluatedSet?)>)[("reference", found.Reference), ("samples", found.Samples)])
        {
            if (set is not null) Terminal.WriteLine($"{role}: {set.Name} ({set.Kind}), {(set.Images is { } images ? Counted.Of(images, "image") : "an unknown number of images")}{(set.Statistics is null or "pictures" ? "" : $", statistics from the {set.Statistics}")}");
        }
        if (found.Network is not null && found.Route is { } route) Terminal.WriteLine($"network: {found.Network}, SHA-256 {found.Weights?[..16]}, preprocessing {InceptionRoutes.NameOf(route)}");
        int title = found.Numbers.Select(number => number.Title.Length).DefaultIfEmpty().Max(), width = found.Numbers.Select(number => Value(number).Length).DefaultIfEmpty().Max();
        foreach (var number in found.Numbers) Terminal.WriteLine($"  {number.Title.PadRight(title)}  {Value(number).PadLeft(width)}{(number.Better.Length > 0 ? $"  {number.Better} is better" : "")}");
        foreach (string remark in found.Remarks) Terminal.WriteLine(remark);
    }

    private static string Value(EvaluatedNumber number) => number.Value.ToString(Math.Abs(number.Value) >= 100 ? "F2" : "F4", CultureInfo.InvariantCulture);
}
