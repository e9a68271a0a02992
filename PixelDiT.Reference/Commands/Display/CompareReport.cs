using System.Globalization;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Oracle.Comparing;
using PixelDiT.Reference.Oracle.Comparing.Hints;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>A comparison in words and as a table.</summary>
internal static class CompareReport
{
    private const int RowsShown = 10, RowsBefore = 2, NamesShown = 6;

    /// <summary>Prints the first difference in full, then the tensors in the order of execution.</summary>
    /// <param name="result">The comparison.</param>
    /// <param name="all">Whether to print every tensor.</param>
    /// <param name="hasModel">Whether hints could compute stages again.</param>
    public static void Print(TraceComparisonResult result, bool all, bool hasModel)
    {
        Terminal.WriteLine(Counted.Of(result.Tensors.Count, "tensor") + " in both, in the order of execution");
        Names("only in A", result.OnlyReference);
        Names("only in B", result.OnlyOther);
        if (result.Skipped.Count > 0)
            Terminal.WriteLine($"{result.Skipped.Count} not readable, so not compared: {string.Join(", ", result.Skipped.Take(NamesShown).Select(skipped => $"{Name(skipped.Name)} ({(skipped.InReference ? "A" : "B")}: {skipped.Reason})"))}{(result.Skipped.Count > NamesShown ? $", … {result.Skipped.Count - NamesShown} more" : "")}");
        Names("under a name that no trace has, so compared last", [.. result.Tensors.Select(tensor => tensor.Name).Where(name => !ExecutionOrder.Knows(name))]);
        Names("of another shape but with as many elements, so compared in row-major order", [.. result.Tensors.Where(tensor => tensor.Reshaped).Select(tensor => tensor.Name)]);
        Terminal.WriteLine();
        if (result.First is { } first) Explain(first, result, hasModel);
        Table(result, all);
        int failed = result.Tensors.Count(tensor => !tensor.Passes);
        Terminal.WriteLine(failed == 0 ? $"A and B agree in {Counted.Of(result.Tensors.Count, "tensor")}; {Nearest(result)}" : $"{result.Tensors.Count - failed} agree, {failed} {(failed == 1 ? "differs" : "differ")}");
    }

    private static void Explain(FirstDifference first, TraceComparisonResult result, bool hasModel)
    {
        var tensor = first.Tensor;
        Terminal.WriteLine($"{Name(tensor.Name)} is the first tensor that differs{(first.Before is null ? "" : $"; {Name(first.Before)} before it agrees")}");
        Line("shape", first.Reference.SequenceEqual(first.Other) ? Shape(first.Reference) : $"A {Shape(first.Reference)}, B {Shape(first.Other)}");
        if (first.Difference is { } difference)
        {
            if (difference.NotFinite > 0) Line("not finite", $"{difference.NotFinite:N0} of {Elements(first):N0} elements; the first is below");
            else Line("error", $"{Number(tensor.Error)}, {(tensor.Tolerance == 0 ? "no difference is allowed in inputs" : $"tolerance {Number(tensor.Tolerance)}")}");
            string among = difference.NotFinite > 0 ? " among finite pairs" : "";
            Line("largest", $"absolute {Number(difference.Absolute)}{among} where A's largest magnitude is {Range(difference.Reference)}{(among.Length > 0 ? $" and B's is {Range(difference.Other)}" : "")}; relative to the element {Number(difference.Relative)}");
            if (first.Index.Length > 0) Line("where", $"[{string.Join(", ", first.Index)}]{(first.Place.Length > 0 ? $": {first.Place}" : "")}");
            Line("values", $"A {Exactly(first.Values.Reference)}, B {Exactly(first.Values.Other)}");
            Line("cosine", difference.Cosine.ToString("0.######", CultureInfo.InvariantCulture));
            Line("beyond", $"{difference.Beyond:N0} of {Elements(first):N0} elements");
        }
        if (StageEquation.Of(tensor.Name, result.IsText) is { } equation) Line("should be", equation);
        foreach (string hint in first.Hints) Line("hint", hint);
        if (first.Hints.Count == 0) Line("next", Advice(tensor, result, hasModel));
        Terminal.WriteLine();
    }

    /// <summary>What to do where the difference has no known shape.</summary>
    private static string Advice(ComparedTensor tensor, TraceComparisonResult result, bool hasModel)
    {
        string known = tensor.Verdict switch
        {
            Verdict.NotFinite => "a value is NaN or infinite",
            Verdict.OtherShape => "the two have other numbers of elements",
            _ => "the difference has no shape that compare knows"
        };
        if (!tensor.Name.StartsWith("act.", StringComparison.Ordinal) || StageName.Of(tensor.Name) is not { } stage) return known;
        bool mayTestMore = !hasModel && tensor.Verdict == Verdict.Differs && StageModel.Computes(stage);
        string more = mayTestMore ? "; --model FILE lets it test more" : "";
        if (StageName.Block(stage) is not var (level, block, step)) return known + more;
        bool traced = result.Tensors.Any(other => StageName.Of(other.Name) is { } name && StageName.Block(name) is { Step.Length: > 0 } at && (at.Level, at.Block) == (level, block));
        return step.Length == 0 && !traced ? $"{known}; trace the steps inside in both, trace --stages '{level}.{block}.*', and compare again{more}"
            : $"{known}; what is computed between {(traced && step.Length == 0 ? "the block's last step" : "the tensor before")} and this one is wrong{more}";
    }

    private static void Table(TraceComparisonResult result, bool all)
    {
        int first = result.First is null ? 0 : result.Tensors.TakeWhile(tensor => tensor.Passes).Count();
        int from = all ? 0 : Math.Max(0, first - RowsBefore), rows = all ? result.Tensors.Count : Math.Min(RowsShown, result.Tensors.Count - from);
        var table = new TextTable(all ? ["tensor", "error", "rms", "tolerance", ""] : ["tensor", "error", "tolerance", ""]);
        if (from > 0) table.AddRow($"… {from} before, which agree");
        foreach (var tensor in result.Tensors.Skip(from).Take(rows))
        {
            bool measured = tensor.Verdict != Verdict.OtherShape;
            string name = Terminal.Cell(Name(tensor.Name)), error = measured ? Number(tensor.Error) : "", rms = measured ? Number(tensor.Rms) : "";
            string tolerance = tensor.Tolerance == 0 ? "exact" : Number(tensor.Tolerance), verdict = tensor.Verdict switch
            {
                Verdict.Equal => "[green]equal[/]",
                Verdict.Agrees => "[green]agrees[/]",
                Verdict.OtherShape => "[red]OTHER SHAPE[/]",
                Verdict.NotFinite => "[red]NOT FINITE[/]",
                _ => "[red]DIFFERS[/]"
            };
            table.AddRow(all ? [name, error, rms, tolerance, verdict] : [name, error, tolerance, verdict]);
        }
        int left = result.Tensors.Count - from - rows;
        if (left > 0) table.AddRow($"… {left} more; --all prints them");
        Terminal.Write(table);
    }

    private static string Nearest(TraceComparisonResult result)
    {
        var worst = result.Tensors.MaxBy(tensor => tensor.Tolerance == 0 ? 0 : tensor.Error / tensor.Tolerance)!;
        return worst.Error == 0 ? "every element is equal" : $"the nearest to its tolerance is {Name(worst.Name)}: {Number(worst.Error)} of {Number(worst.Tolerance)}";
    }

    private static void Names(string what, IReadOnlyList<string> names)
    {
        if (names.Count == 0) return;
        string more = names.Count > NamesShown ? $", … {names.Count - NamesShown} more" : "";
        Terminal.WriteLine($"{names.Count} {what}: {string.Join(", ", names.Take(NamesShown).Select(Name))}{more}");
    }

    // A name that no trace has may hold anything.
    private static string Name(string name) => ExecutionOrder.Knows(name) ? name : Quote.Text(name);

    private static void Line(string what, string text) => Terminal.WriteLine($"  {what,-11}{text}");

    private static long Elements(FirstDifference first) => first.Reference.Aggregate(1L, (product, size) => product * size);

    private static string Shape(int[] shape) => $"[{string.Join(", ", shape)}]";

    private static string Number(double value) => double.IsInfinity(value) ? "∞" : value.ToString(value is 0 or (>= 0.1 and < 1000) ? "0.##" : "0.#e-0", CultureInfo.InvariantCulture);

    /// <summary>The largest magnitude, with what is beside it that no magnitude tells.</summary>
    private static string Range(TensorRange range)
    {
        string[] counts = [.. range.Infinite > 0 ? (string[])[$"{range.Infinite:N0} infinite"] : [], .. range.NaN > 0 ? (string[])[$"{range.NaN:N0} NaN"] : []];
        return Number(range.Largest) + (counts.Length > 0 ? $" ({string.Join(", ", counts)})" : "");
    }

    private static string Exactly(double value) => value.ToString("G9", CultureInfo.InvariantCulture);
}
