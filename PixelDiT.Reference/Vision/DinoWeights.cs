using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models.Weights;

namespace PixelDiT.Reference.Vision;

/// <summary>
/// The tensors of a DINOv2 in a file: under their released names, perhaps behind a prefix. All names and shapes are checked before anything is read; the sizes follow from the shapes.
/// </summary>
public sealed class DinoWeights : IDisposable
{
    private const string Anchor = "patch_embed.proj.weight";
    private const int NamesShown = 6;

    // Of other transformers of the same family.
    private static readonly (string Part, string Meaning)[] s_others = [("register_tokens", "register tokens"), ("mlp.w12.weight", "a gated MLP (ViT-g)"), ("head.weight", "a classifier's head")];

    private readonly IWeightFile _file;
    private readonly string _prefix;

    /// <summary>Opens a file of any format that <see cref="WeightFile"/> opens.</summary>
    /// <param name="path">The file.</param>
    /// <param name="heads">Heads of attention, which no shape tells; null for channels of 64 each.</param>
    /// <exception cref="FileFormatException">It holds no DINOv2 that this program runs; the message names the tensor.</exception>
    public DinoWeights(string path, int? heads = null) : this(WeightFile.Open(path), heads)
    {
    }

    /// <summary>The same from a file that is open; it is disposed of with this.</summary>
    /// <inheritdoc cref="DinoWeights(string, int?)" path="/exception"/>
    public DinoWeights(IWeightFile file, int? heads = null)
    {
        _file = file;
        try
        {
            string[] anchors = [.. file.Tensors.Select(tensor => tensor.Name).Where(name => name == Anchor || name.EndsWith("." + Anchor, StringComparison.Ordinal))];
            _prefix = anchors.Length switch
            {
                1 => anchors[0][..^Anchor.Length],
                0 => throw Error($"none of its {file.Tensors.Count} tensors is named {Anchor}, with or without a prefix; it holds no DINOv2"),
                _ => throw Error($"holds several vision transformers: {List(anchors)}; a file of one was expected")
            };
            foreach (var (part, meaning) in s_others)
            {
                if (file.Tensors.FirstOrDefault(tensor => tensor.Name.StartsWith(_prefix, StringComparison.Ordinal) && tensor.Name.EndsWith(part, StringComparison.Ordinal)) is { } other)
                    throw Error($"has {Quote.Text(other.Name)}, which is of {meaning}; a DINOv2 without was expected, such as dinov2_vitb14_pretrain.pth");
            }
            Config = Infer(heads);
            var shapes = Config.Shapes().ToDictionary(entry => entry.Name, entry => entry.Shape, StringComparer.Ordinal);
            string[] missing = [.. shapes.Keys.Where(name => !file.Contains(_prefix + name)).Select(name => _prefix + name)];
            if (missing.Length > 0) throw Error($"lacks {List(missing)}, which a DINOv2 of {Config.Depth} blocks has");
            foreach (var (name, shape) in shapes)
            {
                var tensor = file[_prefix + name];
                if (!tensor.Shape.SequenceEqual(shape.Select(size => (long)size))) throw Error($"tensor {Quote.Text(tensor.Name)} has the shape [{string.Join(", ", tensor.Shape)}]; {shape} was expected");
                if (tensor.Unreadable is { } reason) throw Error($"tensor {Quote.Text(tensor.Name)}: {reason}");
                if (!tensor.Type.IsFloat) throw Error($"tensor {Quote.Text(tensor.Name)} is stored as {tensor.TypeName}; F64, F32, F16 or BF16 was expected");
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The sizes.</summary>
    public DinoConfig Config { get; }

    /// <summary>The file.</summary>
    public string Source => _file.Source;

    /// <summary>Reads a tensor in float32.</summary>
    /// <param name="name">Its released name without prefix.</param>
    /// <exception cref="FileFormatException">The file cannot be read, or a number is not finite.</exception>
    internal float[] Read(string name)
    {
        var spec = _file[_prefix + name];
        var values = new float[spec.Count];
        _file.ReadSingles(spec.Name, 0, values);
        long bad = ValueTally.CountNotFinite(values);
        return bad == 0 ? values : throw Error($"tensor {Quote.Text(spec.Name)} holds {bad} of {values.Length} numbers that are not finite");
    }

    /// <summary>The <see cref="WeightHash"/> of all tensors that a forward uses: equal for the same weights in any format.</summary>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal string Hash(CancellationToken cancel = default)
    {
        var shapes = new OrderedDictionary<string, IReadOnlyList<long>>(StringComparer.Ordinal);
        foreach (var (name, shape) in Config.Shapes()) shapes.Add(name, [.. shape.Select(size => (long)size)]);
        return WeightHash.Of(shapes, (name, first, values) =>
        {
            cancel.ThrowIfCancellationRequested();
            _file.ReadSingles(_prefix + name, first, values);
        });
    }

    private DinoConfig Infer(int? heads)
    {
        var patch = _file[_prefix + Anchor].Shape;
        if (patch is not [var width, 3, var side, var across] || side != across) throw Error($"tensor {Quote.Text(_prefix + Anchor)} has the shape [{string.Join(", ", patch)}]; [D, 3, p, p] was expected");
        long rows = Required("pos_embed", 1), inner = Required("blocks.0.mlp.fc1.weight", 0);
        int grid = (int)Math.Sqrt(rows - 1);
        if ((long)grid * grid != rows - 1 || grid < 1) throw Error($"tensor {Quote.Text(_prefix + "pos_embed")} has {rows} rows; a class row and those of a square grid were expected");
        int depth = 0;
        while (_file.Contains($"{_prefix}blocks.{depth}.norm1.weight")) depth++;
        if (heads is null && width % DinoConfig.HeadWidth != 0) throw Error($"is {width} channels wide, which heads of {DinoConfig.HeadWidth} do not divide");
        return new DinoConfig(checked((int)width), depth, heads ?? (int)(width / DinoConfig.HeadWidth), checked((int)side), grid, checked((int)inner)).Validate();
    }

    private long Required(string name, int axis)
    {
        if (!_file.Contains(_prefix + name)) throw Error($"lacks {Quote.Text(_prefix + name)}, which a DINOv2 has");
        var shape = _file[_prefix + name].Shape;
        return shape.Count > axis ? shape[axis] : throw Error($"tensor {Quote.Text(_prefix + name)} has the shape [{string.Join(", ", shape)}]; {axis + 1} dimensions or more were expected");
    }

    private FileFormatException Error(string what) => new($"{_file.Source}: {what}");

    private static string List(IReadOnlyList<string> names)
        => string.Join(", ", names.Take(NamesShown).Select(name => Quote.Text(name))) + (names.Count > NamesShown ? $" and {names.Count - NamesShown} more" : "");

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();
}
