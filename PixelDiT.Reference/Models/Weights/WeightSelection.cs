using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>The set that was taken from a file, and those that were left in it.</summary>
/// <param name="Taken">The set.</param>
/// <param name="Left">The others, in the order of the file.</param>
public sealed partial record WeightSelection(WeightSet Taken, IReadOnlyList<WeightSet> Left)
{
    /// <summary>Takes a set of a file; null where the file has none.</summary>
    /// <param name="sets">The file's sets.</param>
    /// <param name="choice">Which.</param>
    /// <exception cref="FileFormatException">No set is the one that is asked for, or several could be; the message lists them.</exception>
    public static WeightSelection? Choose(WeightSets sets, WeightChoice choice)
    {
        if (sets.All.Count == 0) return null;
        var taken = choice.Path is { } path ? ByPath(sets, path, choice) : choice.IsRaw ? Raw(sets, choice) : Averaged(sets, choice);
        if (taken.Doubled is { } doubled) throw new FileFormatException($"{sets.File.Source}: tensors {Quote.Text(doubled.First)} and {Quote.Text(doubled.Second)} are both the same parameter of {WeightSet.Show(taken.Pattern)}");
        return new WeightSelection(taken, [.. sets.All.Where(set => set != taken)]);
    }

    /// <summary>What was taken and what was left, such as <c>ema_denoiser.* (averaged); left: denoiser.* (raw)</c>.</summary>
    public override string ToString()
    {
        if (Left.Count == 0) return Taken.Kind == WeightKind.Raw ? $"{WeightSet.Show(Taken.Pattern)} (the only set)" : $"{Taken}";
        bool isFirst = Taken.Kind == WeightKind.Averaged && Left.Any(set => set.Kind == WeightKind.Averaged);
        return $"{Taken}{(isFirst ? $", one of {1 + Left.Count(set => set.Kind == WeightKind.Averaged)} averages" : "")}; left: {List(Left)}";
    }

    private static WeightSet Averaged(WeightSets sets, WeightChoice choice)
    {
        if (sets.All.FirstOrDefault(set => set.Kind == WeightKind.Averaged) is { } averaged) return averaged;
        WeightSet[] raw = [.. sets.All.Where(set => set.Kind == WeightKind.Raw)];
        if (raw.Length > 1) throw Error(sets, choice, $"has {raw.Length} sets of weights, none of them averaged: {List(raw)}", raw[0]);
        if (raw.Length == 0) throw Error(sets, choice, $"has no weights of a PixelDiT, but {List(sets.All)}", sets.All[0]);
        if (UnreadAverage(sets, raw[0]) is { } tensor)
            throw new FileFormatException($"{sets.File.Source}: has {List(raw)}, and in {Quote.Text(tensor.Name)} and the like what may be its average, in a form that is not read; {choice.Option} raw takes {WeightSet.Show(raw[0].Pattern)}");
        return raw[0];
    }

    /// <summary>
    /// A tensor of an average that is no set, because parameters are missing in it or have neither names nor their shapes: it cannot be taken, but neither may it be passed over. Averages of
    /// other things, such as features, have neither parameters' names nor the shapes or the number of the weights.
    /// </summary>
    private static TensorSpec? UnreadAverage(WeightSets sets, WeightSet raw)
    {
        TensorSpec[] averaged = [.. sets.Others.Where(tensor => WeightKinds.Of(tensor.Name, _ => false) == WeightKind.Averaged)];
        if (averaged.FirstOrDefault(tensor => tensor.TypeName == "unknown" || WeightName.Parse(tensor.Name) is not null) is { } part) return part;
        TensorSpec[] flat = [.. averaged.Where(tensor => tensor.Shape.Count(size => size != 1) == 1)];
        double ratio = flat.Sum(tensor => (double)tensor.Count) / raw.Tensors.Values.Sum(tensor => (double)tensor.Count);
        if (ratio is >= 0.5 and <= 2) return flat[0];
        TensorSpec[] alike = [.. Alike(averaged, raw)];
        return 2 * alike.Length >= raw.Tensors.Count ? alike[0] : null;
    }

    /// <summary>The tensors that have the shape of a weight, each weight counted once.</summary>
    private static IEnumerable<TensorSpec> Alike(IEnumerable<TensorSpec> tensors, WeightSet raw)
    {
        static string Key(TensorSpec tensor) => string.Join('x', tensor.Shape);
        var open = raw.Tensors.Values.GroupBy(Key).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
        return tensors.Where(tensor => open.TryGetValue(Key(tensor), out int count) && (open[Key(tensor)] = count - 1) >= 0);
    }

    private static WeightSet Raw(WeightSets sets, WeightChoice choice)
    {
        WeightSet[] raw = [.. sets.All.Where(set => set.Kind == WeightKind.Raw)];
        if (raw.Length == 1) return raw[0];
        if (raw.Length > 1) throw Error(sets, choice, $"has {raw.Length} sets of weights that are not averaged: {List(raw)}", raw[0]);
        WeightSet[] averaged = [.. sets.All.Where(set => set.Kind == WeightKind.Averaged)];
        throw averaged.Length > 0
            ? new FileFormatException($"{sets.File.Source}: has averaged weights only, under {WeightSet.List(averaged.Select(set => WeightSet.Show(set.Pattern)))}; raw weights were asked for")
            : Error(sets, choice, $"has no weights of a PixelDiT, but {List(sets.All)}", sets.All[0]);
    }

    private static WeightSet ByPath(WeightSets sets, string path, WeightChoice choice)
    {
        WeightSet[] exact = [.. sets.All.Where(set => set.Path == path || set.Prefix.TrimEnd('.') == path)];
        if (exact.Length == 1) return exact[0];
        WeightSet[] part = [.. sets.All.Where(set => path.Length > 0 && ($".{set.Path}.".Contains($".{path}.", StringComparison.Ordinal) || $".{set.Prefix}.".Contains($".{path}.", StringComparison.Ordinal)))];
        return part.Length switch
        {
            1 => part[0],
            0 when choice.Text.Equals(WeightChoice.Ema.Text, StringComparison.OrdinalIgnoreCase) => Averaged(sets, choice),
            0 when choice.Text.Equals(WeightChoice.Raw.Text, StringComparison.OrdinalIgnoreCase) => Raw(sets, choice),
            0 => throw new FileFormatException($"{sets.File.Source}: has no weights under {Quote.Text(choice.Text)}; it has {List(sets.All)}; {choice.Option} takes ema, raw or one of these"),
            _ => throw Error(sets, choice, $"has {part.Length} sets of weights under {Quote.Text(choice.Text)}: {List(part)}", part[0])
        };
    }

    private static string List(IEnumerable<WeightSet> sets) => WeightSet.List(sets.Select(set => set.ToString()));

    private static FileFormatException Error(WeightSets sets, WeightChoice choice, string problem, WeightSet example)
        => new($"{sets.File.Source}: {problem}; {choice.Option} takes one by its path, such as {choice.Option} {Argument(example.Path)}");

    /// <summary>A path as a shell takes it for one argument; a dot tells a path from the words for kinds, and stands for none.</summary>
    private static string Argument(string path)
    {
        bool isKind = path.Length == 0 || path.Equals(WeightChoice.Ema.Text, StringComparison.OrdinalIgnoreCase) || path.Equals(WeightChoice.Raw.Text, StringComparison.OrdinalIgnoreCase);
        string shown = WeightSet.Show(isKind ? $"{path}." : path);
        if (shown.All(letter => char.IsLetterOrDigit(letter) || "._-/:".Contains(letter))) return shown;
        return shown.Contains('\'') ? $"\"{ShellSpecial().Replace(shown, @"\$0")}\"" : $"'{shown}'";
    }

    [GeneratedRegex("""["$`\\]""", RegexOptions.NonBacktracking)]
    private static partial Regex ShellSpecial();
}
