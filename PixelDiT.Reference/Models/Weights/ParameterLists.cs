using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>A list of tensors without names that stand for a model's parameters in their order.</summary>
/// <param name="Path">What stands before the numbers.</param>
/// <param name="Pattern">The same with a star in the place of the numbers.</param>
/// <param name="Tensors">The tensors under released names.</param>
internal sealed record ParameterList(string Path, string Pattern, IReadOnlyDictionary<string, TensorSpec> Tensors);

/// <summary>Finds such lists, as averages are kept that know a model's parameters by their order alone: <c>ema.shadow_params.0</c>, <c>ema.shadow_params.1</c>, ….</summary>
internal static class ParameterLists
{
    // A model has at least a block of each kind.
    private static readonly int s_fewest = ModelCost.Tensors(Presets.Get("micro") with { PatchDepth = 1, PixelDepth = 1 });

    /// <summary>The lists that have, one by one, the shapes of a set with names: in the order of the file, or in that in which a model declares its parameters.</summary>
    /// <param name="tensors">The tensors without names.</param>
    /// <param name="named">The sets with names, in the order of the file.</param>
    public static IReadOnlyList<ParameterList> Find(IReadOnlyList<TensorSpec> tensors, IReadOnlyList<IReadOnlyList<(string Name, TensorSpec Tensor)>> named)
    {
        var found = new List<ParameterList>();
        if (named.Count == 0) return found;
        var orders = named.SelectMany(Orders).ToList();
        foreach (var list in tensors.Select(Numbered).Where(entry => entry is not null).Select(entry => entry!.Value).GroupBy(entry => entry.Path, StringComparer.Ordinal))
        {
            TensorSpec[] members = [.. list.OrderBy(entry => entry.Index).Select(entry => entry.Tensor)];
            if (list.Max(entry => entry.Index) != members.Length - 1 || list.DistinctBy(entry => entry.Index).Count() != members.Length) continue;
            if (orders.FirstOrDefault(order => order.Count == members.Length && order.Zip(members).All(pair => pair.First.Shape.SequenceEqual(pair.Second.Shape))) is not { } names) continue;
            var byName = new OrderedDictionary<string, TensorSpec>(StringComparer.Ordinal);
            for (int i = 0; i < members.Length; i++) byName.Add(names[i].Name, members[i]);
            found.Add(new ParameterList(WeightName.WithoutWrappers(list.Key), $"{list.Key}.*", byName));
        }
        return found;
    }

    private static (string Path, int Index, TensorSpec Tensor)? Numbered(TensorSpec tensor)
    {
        int dot = tensor.Name.LastIndexOf('.');
        return dot > 0 && int.TryParse(tensor.Name.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? (tensor.Name[..dot], index, tensor) : null;
    }

    private static IEnumerable<List<(string Name, IReadOnlyList<long> Shape)>> Orders(IReadOnlyList<(string Name, TensorSpec Tensor)> set)
    {
        if (set.Count < s_fewest || set.DistinctBy(entry => entry.Name, StringComparer.Ordinal).Count() != set.Count) yield break;
        var shapes = set.ToDictionary(entry => entry.Name, entry => entry.Tensor.Shape, StringComparer.Ordinal);
        yield return [.. set.Select(entry => (entry.Name, entry.Tensor.Shape))];
        if (Declared(shapes) is not { } declared) yield break;
        if (declared.Count == shapes.Count && declared.All(shapes.ContainsKey)) yield return [.. declared.Select(name => (name, shapes[name]))];
    }

    /// <summary>The order in which a model of these shapes declares its parameters; null where they are of no model.</summary>
    private static IReadOnlyList<string>? Declared(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes)
    {
        try
        {
            return [.. ModelCost.Shapes(ConfigInference.Infer(shapes, "")).Keys];
        }
        catch (PixelDiTException)
        {
            return null;
        }
    }
}
