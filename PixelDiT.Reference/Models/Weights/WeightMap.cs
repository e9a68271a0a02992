using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>
/// A model's parameters among the tensors of a file: those of the chosen set, under released names, and with adaLN layers that were stored
/// in two halves joined again. Values stay in the file until they are read.
/// </summary>
internal sealed partial class WeightMap
{
    private readonly IWeightFile _file;
    private readonly Dictionary<string, Source> _sources = new(StringComparer.Ordinal);

    /// <summary>Where a parameter comes from: one tensor, or two whose runs of <see cref="Run"/> elements alternate.</summary>
    private sealed record Source(TensorSpec First, TensorSpec? Second, long Run, IReadOnlyList<long> Shape);

    private WeightMap(IWeightFile file, WeightSelection selection)
    {
        (_file, Selection) = (file, selection);
        foreach (var (name, tensor) in selection.Taken.Tensors) _sources.Add(name, new Source(tensor, null, 0, tensor.Shape));
        foreach (string name in _sources.Keys.Where(name => SplitName().IsMatch(name)).ToList()) Join(name);
        Shapes = _sources.ToDictionary(entry => entry.Key, entry => entry.Value.Shape, StringComparer.Ordinal);
    }

    /// <summary>The set that was taken from the file, and those that were left.</summary>
    public WeightSelection Selection { get; }

    /// <summary>What stands before the parameters' names in the file, such as <c>ema_denoiser.</c>; may be empty.</summary>
    public string Prefix => Selection.Taken.Prefix;

    /// <summary>The same, fit for a message.</summary>
    internal string ShownPrefix => Printable.Line(Prefix);

    /// <summary>The shapes of the set's tensors under their released names.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<long>> Shapes { get; }

    /// <summary>The numbers of the set.</summary>
    public long Count => Shapes.Values.Sum(shape => shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>Finds a set of weights; null where the file has none.</summary>
    /// <param name="file">The file, which the map reads from as long as it lives.</param>
    /// <param name="choice">Which of the file's sets.</param>
    /// <exception cref="FileFormatException">The set that is asked for is not there, several could be meant, or the halves of an adaLN layer do not fit.</exception>
    public static WeightMap? Find(IWeightFile file, WeightChoice choice) => WeightSelection.Choose(WeightSets.Find(file), choice) is { } selection ? new WeightMap(file, selection) : null;

    /// <summary>As <see cref="Find"/>, where a file must have weights of a model.</summary>
    /// <exception cref="FileFormatException">It has none.</exception>
    public static WeightMap FindModel(IWeightFile file, WeightChoice choice)
        => Find(file, choice) ?? throw new FileFormatException($"{file.Source}: none of its {file.Tensors.Count} tensors is named {WeightSets.Anchor}, with or without a prefix; it holds no PixelDiT");

    /// <summary>Checks that the set's parameters have values; what stands among them without being one is judged by its name alone.</summary>
    /// <exception cref="FileFormatException">One has none; the message says why.</exception>
    internal void RequireReadable()
    {
        if (Selection.Taken.Tensors.Values.FirstOrDefault(tensor => tensor.Unreadable is not null && WeightName.Parse(tensor.Name) is not null) is { } tensor)
            throw new FileFormatException($"{_file.Source}: tensor {Quote.Text(tensor.Name)}: {tensor.Unreadable}");
    }

    /// <summary>The names that a model needs and the set lacks.</summary>
    /// <param name="parameters">The model's names.</param>
    public IReadOnlyList<string> Missing(IEnumerable<string> parameters) => [.. parameters.Where(name => !Shapes.ContainsKey(name))];

    /// <summary>The names that the set has and a model does not know.</summary>
    /// <param name="parameters">The model's names.</param>
    public IReadOnlyList<string> Unexpected(IEnumerable<string> parameters) => [.. Shapes.Keys.Except(parameters, StringComparer.Ordinal)];

    /// <summary>Reads consecutive elements of a parameter as float32.</summary>
    /// <param name="name">The released name.</param>
    /// <param name="first">The first element, in row-major order of the shape in <see cref="Shapes"/>.</param>
    /// <param name="destination">Receives the elements; as many are read as it has room for.</param>
    /// <exception cref="FileFormatException">The file cannot be read, or its type has no values.</exception>
    public void ReadSingles(string name, long first, Span<float> destination)
    {
        var source = _sources[name];
        if (source.Second is null)
        {
            _file.ReadSingles(source.First.Name, first, destination);
            return;
        }
        while (!destination.IsEmpty)
        {
            var (run, within) = Math.DivRem(first, source.Run);
            int count = (int)Math.Min(destination.Length, source.Run - within);
            _file.ReadSingles((run % 2 == 0 ? source.First : source.Second).Name, (run / 2 * source.Run) + within, destination[..count]);
            destination = destination[count..];
            first += count;
        }
    }

    /// <summary>
    /// Joins the halves of an adaLN layer: [P, 6, d, D] was cut along its second axis, three for attention (msa) and three for the MLP (mlp), or two and two
    /// with post-modulation. Joined runs of 3d rows alternate between the halves.
    /// </summary>
    private void Join(string first)
    {
        var parts = SplitName().Match(first);
        string block = parts.Groups[1].Value, kind = parts.Groups[3].Value, second = $"{block}adaLN_modulation_mlp{parts.Groups[2].Value}.{kind}";
        var a = _sources[first].First;
        if (!_sources.TryGetValue(second, out var other)) throw Error($"has {Quote.Text(Prefix + first)}, half of an adaLN layer, without its other half");
        var b = other.First;
        long width = Size($"{block}norm1.weight", 0), pixels = width == 0 ? 0 : Size($"{block}compress_to_attn.weight", 1) / width, rows = a.Shape is [var size, ..] ? size : 0;
        if (pixels == 0 || rows == 0 || rows % pixels != 0 || rows / pixels % width != 0 || rows / pixels / width is not (2 or 3) || !a.Shape.SequenceEqual(b.Shape))
            throw Error($"the halves of {Quote.Text($"{Prefix}{block}adaLN_modulation")} have shapes [{string.Join(", ", a.Shape)}] and [{string.Join(", ", b.Shape)}], which do not join");
        _sources.Remove(first);
        _sources.Remove(second);
        if (!_sources.TryAdd($"{block}adaLN_modulation.0.{kind}", new Source(a, b, a.Count / pixels, [2 * rows, .. a.Shape.Skip(1)])))
            throw Error($"has {Quote.Text($"{Prefix}{block}adaLN_modulation")} both whole and in halves");
    }

    private long Size(string name, int axis) => _sources.TryGetValue(name, out var source) && source.Shape.Count > axis ? source.Shape[axis] : 0;

    private FileFormatException Error(string problem) => new($"{_file.Source}: {problem}");

    [GeneratedRegex(@"^(pixel_blocks\.\d+\.)adaLN_modulation_msa(\.0)?\.(weight|bias)$", RegexOptions.NonBacktracking)]
    private static partial Regex SplitName();
}
