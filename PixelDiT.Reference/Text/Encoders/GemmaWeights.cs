using System.Numerics;
using System.Runtime.InteropServices;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Encoders;

/// <summary>
/// Gemma's tensors in a file: under the names of Hugging Face, perhaps behind a prefix, as in the single files of ComfyUI. All names and shapes are checked before anything is read.
/// <para>
/// A matrix all of whose values are bfloat16s, as the released ones are, is kept as such; any other in float32. So nothing is rounded, and a model that was stored in float16 or float32 takes no more
/// memory than the released one as long as its values are the same.
/// </para>
/// </summary>
internal sealed class GemmaWeights
{
    private const string Anchor = "embed_tokens.weight", Inner = "model.";
    private const int ChunkElements = 1 << 20, NamesShown = 6;

    /// <summary>What stands beside the decoder in such files and is not used: the head, which shares the embedding's values, and ComfyUI's copy of the tokenizer.</summary>
    private static readonly string[] s_beside = ["lm_head.weight", "spiece_model"];

    private readonly IWeightFile _file;
    private readonly string _prefix;

    /// <exception cref="FileFormatException">The file is no Gemma, or a tensor is missing, surplus, misshapen or not of floats; the message names it.</exception>
    public GemmaWeights(IWeightFile file, GemmaConfig config)
    {
        (_file, _prefix) = (file, FindPrefix(file));
        var shapes = Shapes(config).ToDictionary(entry => entry.Name, entry => entry.Shape, StringComparer.Ordinal);
        // Of a file that is all Gemma's every tensor must be known; beside a prefix of its own other models may lie.
        string whole = _prefix.EndsWith(Inner, StringComparison.Ordinal) ? _prefix[..^Inner.Length] : _prefix;
        string[] missing = [.. shapes.Keys.Select(name => _prefix + name).Where(name => !file.Contains(name))];
        if (missing.Length > 0) throw Error($"lacks {List(missing)}, which a Gemma-2 of {config.Layers} layers has");
        string[] surplus = [.. file.Tensors.Select(tensor => tensor.Name).Where(name => name.StartsWith(whole, StringComparison.Ordinal)
            && !(name.StartsWith(_prefix, StringComparison.Ordinal) && shapes.ContainsKey(name[_prefix.Length..])) && !s_beside.Contains(name[whole.Length..]))];
        if (surplus.Length > 0) throw Error($"has {List(surplus)}, which a Gemma-2 of {config.Layers} layers does not know");
        foreach (var (name, shape) in shapes)
        {
            var tensor = file[_prefix + name];
            if (!tensor.Shape.SequenceEqual(shape.Select(size => (long)size))) throw Error($"tensor {Quote.Text(tensor.Name)} has the shape [{string.Join(", ", tensor.Shape)}]; {shape} was expected");
            if (tensor.Unreadable is { } reason) throw Error($"tensor {Quote.Text(tensor.Name)}: {reason}");
            if (!tensor.Type.IsFloat) throw Error($"tensor {Quote.Text(tensor.Name)} is stored as {tensor.TypeName}; F64, F32, F16 or BF16 was expected");
        }
    }

    /// <summary>What precedes <c>embed_tokens.weight</c>: <c>model.</c> in files of Hugging Face.</summary>
    /// <exception cref="FileFormatException">There is no such tensor, or several.</exception>
    public static string FindPrefix(IWeightFile file)
    {
        string[] anchors = [.. file.Tensors.Select(tensor => tensor.Name).Where(name => name.EndsWith(Anchor, StringComparison.Ordinal) && (name.Length == Anchor.Length || name[^(Anchor.Length + 1)] == '.'))];
        return anchors.Length switch
        {
            1 => anchors[0][..^Anchor.Length],
            0 => throw new FileFormatException($"{file.Source}: none of its {file.Tensors.Count} tensors is named {Inner}{Anchor}, with or without a prefix; it holds no Gemma-2"),
            _ => throw new FileFormatException($"{file.Source}: holds several text models: {List(anchors)}; a file of one was expected")
        };
    }

    /// <summary>The shape of the embedding, by which a file without a config is known.</summary>
    public static IReadOnlyList<long> EmbeddingShape(IWeightFile file) => file[FindPrefix(file) + Anchor].Shape;

    /// <summary>The decoder's tensors without their prefix.</summary>
    public static IEnumerable<(string Name, Shape Shape)> Shapes(GemmaConfig config)
    {
        int c = config.Hidden, f = config.Intermediate, q = config.Heads * config.HeadWidth, k = config.KeyHeads * config.HeadWidth;
        yield return (Anchor, [config.Vocabulary, c]);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            string at = $"layers.{layer}.";
            yield return (at + "self_attn.q_proj.weight", [q, c]);
            yield return (at + "self_attn.k_proj.weight", [k, c]);
            yield return (at + "self_attn.v_proj.weight", [k, c]);
            yield return (at + "self_attn.o_proj.weight", [c, q]);
            yield return (at + "mlp.gate_proj.weight", [f, c]);
            yield return (at + "mlp.up_proj.weight", [f, c]);
            yield return (at + "mlp.down_proj.weight", [c, f]);
            foreach (string norm in (string[])["input", "post_attention", "pre_feedforward", "post_feedforward"]) yield return ($"{at}{norm}_layernorm.weight", [c]);
        }
        yield return ("norm.weight", [c]);
    }

    /// <summary>A tensor on a device: a matrix in bfloat16 where that is exact, a vector in float32.</summary>
    /// <exception cref="FileFormatException">The file cannot be read, or a value is not finite.</exception>
    /// <exception cref="DeviceMemoryException">The device is out of memory.</exception>
    public Tensor Load(Device device, string name)
    {
        var spec = _file[_prefix + name];
        var shape = Shape.Create([.. spec.Shape.Select(size => checked((int)size))]);
        return (shape.Rank > 1 ? TryLoad(device, spec, shape, ElementType.BFloat16) : null) ?? TryLoad(device, spec, shape, ElementType.Single)!;
    }

    /// <summary>Rows of the embedding, read from the file: [ids, C] in float32.</summary>
    public Tensor LoadEmbeddings(Device device, ReadOnlySpan<int> ids)
    {
        var spec = _file[_prefix + Anchor];
        int width = checked((int)spec.Shape[1]);
        float[] row = new float[width];
        var rows = device.Allocate([ids.Length, width]);
        try
        {
            for (int i = 0; i < ids.Length; i++)
            {
                _file.ReadSingles(spec.Name, (long)ids[i] * width, row);
                RequireFinite(spec, Kinds(row));
                rows.Slice((long)i * width, [width]).Upload(row);
            }
            return rows;
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    private Tensor? TryLoad(Device device, TensorSpec spec, Shape shape, ElementType type)
    {
        var tensor = device.Allocate(shape, type);
        try
        {
            float[] chunk = new float[Math.Min(ChunkElements, shape.Count)];
            for (long first = 0; first < shape.Count; first += chunk.Length)
            {
                var part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, shape.Count - first));
                _file.ReadSingles(spec.Name, first, part);
                var (isFinite, areBFloat16) = Kinds(part);
                RequireFinite(spec, (isFinite, areBFloat16));
                if (type == ElementType.BFloat16 && !areBFloat16)
                {
                    tensor.Dispose();
                    return null;
                }
                tensor.Slice(first, [part.Length]).Upload(part);
            }
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Whether all values are finite, and whether all are bfloat16s, whose lower halves are 0.</summary>
    private static (bool IsFinite, bool AreBFloat16) Kinds(ReadOnlySpan<float> values)
    {
        const uint magnitude = 0x7FFFFFFF, infinity = 0x7F800000, lower = 0xFFFF;
        var bits = MemoryMarshal.Cast<float, uint>(values);
        Vector<uint> most = default, set = default;
        int i = 0;
        for (; i + Vector<uint>.Count <= bits.Length; i += Vector<uint>.Count)
        {
            var here = new Vector<uint>(bits[i..]);
            most = Vector.Max(most, here & new Vector<uint>(magnitude));
            set |= here;
        }
        bool isFinite = Vector.LessThanAll(most, new Vector<uint>(infinity)), areBFloat16 = (set & new Vector<uint>(lower)) == default;
        for (; i < bits.Length; i++)
        {
            isFinite &= (bits[i] & magnitude) < infinity;
            areBFloat16 &= (bits[i] & lower) == 0;
        }
        return (isFinite, areBFloat16);
    }

    private void RequireFinite(TensorSpec spec, (bool IsFinite, bool AreBFloat16) kinds)
    {
        if (!kinds.IsFinite) throw Error($"tensor {Quote.Text(spec.Name)} holds a value that is infinite or no number");
    }

    private FileFormatException Error(string problem) => new($"{_file.Source}: {problem}");

    private static string List(string[] names) => string.Join(", ", names.Take(NamesShown).Select(name => Quote.Text(name))) + (names.Length > NamesShown ? $", … {names.Length - NamesShown} more" : "");
}
