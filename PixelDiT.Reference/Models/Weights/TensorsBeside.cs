using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>
/// The tensors of a file that have no parameter's name, held against its sets. Under a set's path they are the set's, and a model that does not know them is not taken for
/// one it is; counters and what training keeps there are left aside. Where a set has no path, only what stands without one is the set's: everything else in the file is
/// another program's.
/// </summary>
/// <param name="tensors">The tensors, in the order of the file.</param>
/// <param name="paths">The paths of all sets.</param>
internal sealed class TensorsBeside(IEnumerable<TensorSpec> tensors, IReadOnlySet<string> paths)
{
    /// <summary>What the text-to-image trainer calls REPA's projector, which stands beside the model in released files.</summary>
    internal const string Projector = "_repa_projector";

    // Modules that training keeps beside the model; nothing that samples.
    private static readonly string[] s_training = [Projector, "repa_projector", "projectors", "projector", "diffusion_trainer"];
    private static readonly string[] s_counters = ["decay", "step", "steps", "epoch", "epochs", "iter", "iters", "iteration", "updates", "num", "averaged", "count", "loss", "lr", "best", "score", "seed", "initted"];

    // The longest path of a set that stands before a tensor's name is where the tensor belongs.
    private readonly ILookup<string, (string Name, TensorSpec Tensor)> _bySet = tensors
        .Select(tensor => (Name: WeightName.WithoutWrappers(tensor.Name), Tensor: tensor))
        .Select(entry => (Set: Owner(entry.Name, paths), entry.Name, entry.Tensor))
        .Where(entry => entry.Set is not null)
        .ToLookup(entry => entry.Set!, entry => (entry.Set!.Length == 0 ? entry.Name : entry.Name[(entry.Set.Length + 1)..], entry.Tensor), StringComparer.Ordinal);

    /// <summary>A set with the tensors that stand beside its parameters.</summary>
    public WeightSet AddTo(WeightSet set)
    {
        var all = new OrderedDictionary<string, TensorSpec>(StringComparer.Ordinal);
        foreach (var (name, tensor) in set.Tensors) all.Add(name, tensor);
        var aside = new OrderedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, tensor) in _bySet[set.Path])
        {
            // A path that is nothing but wrappers is still not the path of what stands without them.
            if (!tensor.Name.StartsWith(set.Prefix, StringComparison.Ordinal)) continue;
            int dot = name.IndexOf('.');
            string first = dot < 0 ? name : name[..dot];
            if (s_training.Contains(first) || name.EndsWith(WeightSets.ExtraState, StringComparison.Ordinal)) continue;
            if (dot < 0 ? IsCounter(name, tensor) : set.Path.Length == 0)
            {
                // Counters under a set's own path are part of how averages are kept, and say nothing.
                if (set.Path.Length == 0) aside[dot < 0 ? name : $"{first}.*"] = aside.GetValueOrDefault(dot < 0 ? name : $"{first}.*") + 1;
                continue;
            }
            all.TryAdd(name, tensor);
        }
        return set with { Tensors = all, Aside = [.. aside.Keys] };
    }

    /// <summary>A single whole number or truth value, or a single number whose name says that it counts: how many steps are behind an average, its decay.</summary>
    private static bool IsCounter(string name, TensorSpec tensor)
        => tensor.Count == 1 && tensor.Shape.Count <= 1 && (tensor.Type.IsInteger || tensor.Type == DataType.Bool || PathWords.Split(name).Any(s_counters.Contains));

    private static string? Owner(string name, IReadOnlySet<string> paths)
    {
        for (int end = name.LastIndexOf('.'); end > 0; end = name.LastIndexOf('.', end - 1))
        {
            if (paths.Contains(name[..end])) return name[..end];
        }
        return paths.Contains("") ? "" : null;
    }
}
