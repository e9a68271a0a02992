using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>
/// All sets of weights in a file. A set is what stands under one path, whatever the path is, with the names of a model's parameters behind it: with their dots or without, with
/// words of wrappers between them, or as a list without names whose shapes are, one by one, those of a set with names.
/// </summary>
public sealed class WeightSets
{
    internal const string Anchor = "s_embedder.proj.weight";

    // Scales of narrow arithmetic, which a module of Transformer Engine keeps beside its parameters, mostly empty.
    internal const string ExtraState = "_extra_state";

    // A set that lacks its anchor is still known by the other end of the model, so that what it lacks can be named.
    private static readonly string[] s_ends = ["pixel_embedder.proj.weight", "final_layer.linear.weight"];

    private WeightSets(IWeightFile file, IReadOnlyList<WeightSet> all, IReadOnlyList<TensorSpec> others) => (File, All, Others) = (file, all, others);

    /// <summary>The file.</summary>
    public IWeightFile File { get; }

    /// <summary>The sets, in the order of the file.</summary>
    public IReadOnlyList<WeightSet> All { get; }

    /// <summary>The tensors that belong to no set, in the order of the file.</summary>
    public IReadOnlyList<TensorSpec> Others { get; }

    /// <summary>Finds the sets of a file by names and shapes; no values are read.</summary>
    public static WeightSets Find(IWeightFile file)
    {
        var groups = new OrderedDictionary<string, Group>(StringComparer.Ordinal);
        var unnamed = new List<TensorSpec>();
        foreach (var tensor in file.Tensors)
        {
            if (tensor.Name.EndsWith(ExtraState, StringComparison.Ordinal) || WeightName.Parse(tensor.Name) is not { } name)
            {
                unnamed.Add(tensor);
                continue;
            }
            if (!groups.TryGetValue(name.Path, out var group)) groups.Add(name.Path, group = new Group(name.Path));
            group.Members.Add(new Member(name, tensor));
        }
        var sets = groups.Values.SelectMany(group => group.Parts()).Where(group => group.IsSet).ToList();
        var taken = sets.SelectMany(set => set.Members.Select(member => member.Tensor.Name)).ToHashSet(StringComparer.Ordinal);
        var others = file.Tensors.Where(tensor => !taken.Contains(tensor.Name)).ToList();
        var lists = ParameterLists.Find(others, [.. sets.Select(set => set.Members.Select(member => (member.Name.Released, member.Tensor)).ToList())]);
        foreach (var list in lists) taken.UnionWith(list.Tensors.Values.Select(tensor => tensor.Name));

        var paths = sets.Select(set => set.Path).Concat(lists.Select(list => list.Path)).ToHashSet(StringComparer.Ordinal);
        var beside = new TensorsBeside(others.Where(tensor => !taken.Contains(tensor.Name)), paths);
        List<WeightSet> all =
        [
            .. sets.Select(set => beside.AddTo(set.ToSet(WeightKinds.Of(set.Path, paths.Contains)))),
            .. lists.Select(list => new WeightSet(list.Path, list.Pattern, WeightKinds.Of(list.Path, paths.Contains), list.Tensors))
        ];
        var order = file.Tensors.Index().ToDictionary(entry => entry.Item.Name, entry => entry.Index, StringComparer.Ordinal);
        all.Sort((a, b) => order[a.Tensors.First().Value.Name].CompareTo(order[b.Tensors.First().Value.Name]));
        var held = all.SelectMany(set => set.Tensors.Values.Select(tensor => tensor.Name)).ToHashSet(StringComparer.Ordinal);
        return new WeightSets(file, all, [.. file.Tensors.Where(tensor => !held.Contains(tensor.Name))]);
    }

    private sealed record Member(WeightName Name, TensorSpec Tensor);

    /// <summary>Tensors with parameters' names under one path.</summary>
    private sealed record Group(string Path)
    {
        public List<Member> Members { get; } = [];

        public bool IsSet => Has(Anchor) || s_ends.All(Has);

        /// <summary>
        /// The group, or its parts by spelling: a set whose tensors are split over two spellings of its path is one set, but two whole sets whose paths differ in
        /// wrappers alone are two.
        /// </summary>
        public IEnumerable<Group> Parts()
        {
            if (Members.DistinctBy(member => member.Name.Released, StringComparer.Ordinal).Count() == Members.Count) return [this];
            return Members.GroupBy(member => member.Name.Spelled, StringComparer.Ordinal).Select(part =>
            {
                var group = new Group(part.Key.TrimEnd('.'));
                group.Members.AddRange(part);
                return group;
            });
        }

        public WeightSet ToSet(WeightKind kind)
        {
            var tensors = new OrderedDictionary<string, TensorSpec>(StringComparer.Ordinal);
            (string, string)? doubled = null;
            foreach (var (name, tensor) in Members)
            {
                if (!tensors.TryAdd(name.Released, tensor)) doubled ??= (tensors[name.Released].Name, tensor.Name);
            }
            bool isOneSpelling = Members.All(member => member.Name.Spelled == Members[0].Name.Spelled);
            string pattern = isOneSpelling ? Members[0].Name.Spelled : Path.Length == 0 ? "" : $"{Path}.";
            return new WeightSet(Path, $"{pattern}*", kind, tensors) { Doubled = doubled };
        }

        private bool Has(string released) => Members.Any(member => member.Name.Released == released);
    }
}
