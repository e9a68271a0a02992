using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Shards;

/// <summary>
/// Several files of weights under one index, read as one. Every file is opened and every tensor of the index looked up in its file when this one is opened; elements are read when
/// asked for. Tensors that the files hold beside those of the index are listed behind them.
/// </summary>
internal sealed class ShardedFile : IWeightFile
{
    private const int NamesShown = 6;

    private readonly Dictionary<string, IWeightFile> _shards = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IWeightFile> _homes = new(StringComparer.Ordinal);
    private readonly List<TensorSpec> _tensors = [];
    private readonly List<string> _notes = [];
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    /// <summary>Opens the files that an index names, which lie in its folder.</summary>
    /// <exception cref="FileFormatException">A file is missing or not readable, or lacks a tensor that the index says it holds.</exception>
    internal ShardedFile(ShardIndex index, string source, Func<string, IWeightFile> open)
    {
        Source = source;
        try
        {
            string folder = Path.GetDirectoryName(source) ?? "";
            string[] names = [.. index.Files.Values.Distinct(StringComparer.Ordinal)], missing = [.. names.Where(name => !File.Exists(Path.Combine(folder, name)))];
            if (missing.Length > 0) throw Error($"of its {names.Length} files, {missing.Length} {(missing.Length == 1 ? "is" : "are")} missing beside it: {List(missing)}");
            foreach (string name in names) _shards.Add(name, open(Path.Combine(folder, name)));
            foreach (var (tensor, name) in index.Files)
            {
                if (!_shards[name].Contains(tensor)) throw Error($"says that tensor {Quote.Text(tensor)} lies in {Quote.Text(name)}, which has no tensor of this name");
                Add(_shards[name], tensor);
            }
            foreach (var shard in _shards.Values) AddRest(shard);
            if (index.TotalBytes is { } total && total != index.Files.Keys.Sum(tensor => this[tensor].Bytes)) _notes.Add($"its index says that the tensors take {total} bytes; they take {index.Files.Keys.Sum(tensor => this[tensor].Bytes)}");
        }
        catch
        {
            Dispose();
            throw;
        }
        Files = [source, .. _shards.Values.Select(shard => shard.Source)];
        Format = $"{string.Join(" and ", _shards.Values.Select(shard => shard.Format).Distinct())} in {_shards.Count} file{(_shards.Count == 1 ? "" : "s")}";
    }

    /// <inheritdoc/>
    public string Source { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Files { get; }

    /// <inheritdoc/>
    public string Format { get; }

    /// <summary>What the files say beside their tensors; what two say differently is left out.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <inheritdoc/>
    public IReadOnlyList<TensorSpec> Tensors => _tensors;

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes => _notes;

    /// <inheritdoc/>
    public string? PartOf => null;

    /// <inheritdoc/>
    public TensorSpec this[string name] => Home(name)[name];

    /// <inheritdoc/>
    public bool Contains(string name) => _homes.ContainsKey(name);

    /// <inheritdoc/>
    public void ReadSingles(string name, long firstElement, Span<float> destination) => Home(name).ReadSingles(name, firstElement, destination);

    /// <inheritdoc/>
    public double[] ReadDoubles(string name) => Home(name).ReadDoubles(name);

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var shard in _shards.Values) shard.Dispose();
    }

    private IWeightFile Home(string name) => _homes.TryGetValue(name, out var home) ? home : throw Error($"has no tensor {Quote.Text(name)} among its {_tensors.Count}");

    private void Add(IWeightFile shard, string tensor)
    {
        _homes.Add(tensor, shard);
        _tensors.Add(shard[tensor]);
    }

    private void AddRest(IWeightFile shard)
    {
        string[] rest = [.. shard.Tensors.Select(tensor => tensor.Name).Where(name => !Contains(name))];
        foreach (string name in rest) Add(shard, name);
        if (rest.Length > 0) _notes.Add($"{Quote.Text(Path.GetFileName(shard.Source))} holds {rest.Length} tensor{(rest.Length == 1 ? "" : "s")} that the index does not name: {List(rest)}");
        _notes.AddRange(shard.Notes.Select(note => $"{Quote.Text(Path.GetFileName(shard.Source))}: {note}"));
        foreach (var (key, value) in shard.Metadata)
        {
            if (!_shards.Values.Any(other => other.Metadata.TryGetValue(key, out string? said) && said != value)) _metadata[key] = value;
        }
    }

    private static string List(string[] names) => string.Join(", ", names.Take(NamesShown).Select(name => Quote.Text(name))) + (names.Length > NamesShown ? $", … {names.Length - NamesShown} more" : "");

    private FileFormatException Error(string problem) => new($"{Source}: {problem}");
}
