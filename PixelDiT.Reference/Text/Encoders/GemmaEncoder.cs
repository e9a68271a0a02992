using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Text.Encoders;

/// <summary>
/// Gemma-2 (Gemma Team 2024) without its head as an encoder of texts: ids and mask in, the states after the last norm out. Weights are kept as the file has them, arithmetic is float32. Gemma-2-2B takes 4.9 GiB for its
/// weights in bfloat16 and, for a pass over a row of 506 tokens, 0.2 GiB more; with <see cref="GemmaOptions.LowMemory"/> 0.35 GiB in all.
/// Forward only.
/// </summary>
public sealed class GemmaEncoder : IDisposable
{
    /// <summary>Tokens of a text at most; Gemma-2 was trained on 8192.</summary>
    public const int MostTokens = 1 << 16;

    // Within a layer, texts are taken so many tokens at a time: 4 rows of 506. Enough for products to be large, and what lies between the parts of a layer takes 0.2 GiB however many texts there are.
    private const int TokensAtATime = 2048;

    private const string ConfigKey = "config";

    private readonly Device _device;
    private readonly GemmaOptions _options;
    private readonly GemmaWeights _weights;
    private readonly IWeightFile? _file;
    private readonly List<GemmaLayer> _layers = [];
    private readonly Tensor? _embedding, _norm;

    /// <summary>Takes the weights of a file.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="config">What the model is.</param>
    /// <param name="file">Its weights; the encoder's from here on, which closes it also if the weights do not fit, and at the latest when it is disposed.</param>
    /// <param name="options">How to run.</param>
    /// <param name="progress">Told of every layer that was read.</param>
    /// <exception cref="ConfigurationException">A size or the cap is out of range.</exception>
    /// <exception cref="FileFormatException">The file is no such model, or cannot be read.</exception>
    /// <exception cref="DeviceMemoryException">The device is out of memory.</exception>
    public GemmaEncoder(Device device, GemmaConfig config, IWeightFile file, GemmaOptions? options = null, Action<GemmaProgress>? progress = null)
    {
        (_device, Config, _options, _file) = (device, config, options ?? new(), file);
        try
        {
            config.Validate(file.Source);
            _options.Validate();
            _weights = new GemmaWeights(file, config);
            if (_options.LowMemory) return;
            _embedding = _weights.Load(device, "embed_tokens.weight");
            _norm = _weights.Load(device, "norm.weight");
            for (int layer = 0; layer < config.Layers; layer++)
            {
                progress?.Invoke(new(layer, config.Layers, Loading: true));
                _layers.Add(new GemmaLayer(device, _weights, layer));
            }
            file.Dispose();
            _file = null;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What the model is.</summary>
    public GemmaConfig Config { get; }

    /// <summary>Opens a model: a folder as Hugging Face has it, with config.json and one or several files of weights, one file of weights, or the index of several.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="path">
    /// The folder or the file. What the model is says the config.json beside the weights, else the file's own metadata; a file with neither, such as ComfyUI's, must be Gemma-2-2B.
    /// </param>
    /// <param name="options">How to run.</param>
    /// <param name="progress">Told of every layer that was read.</param>
    /// <inheritdoc cref="GemmaEncoder(Device, GemmaConfig, IWeightFile, GemmaOptions, Action{GemmaProgress})" path="/exception"/>
    public static GemmaEncoder Open(Device device, string path, GemmaOptions? options = null, Action<GemmaProgress>? progress = null)
    {
        var file = WeightFile.Open(path);
        try
        {
            return new GemmaEncoder(device, ConfigOf(file), file, options, progress);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What a file of weights holds.</summary>
    /// <exception cref="ConfigurationException">The config describes no Gemma-2, or there is none and the file does not look like Gemma-2-2B.</exception>
    /// <exception cref="FileFormatException">config.json cannot be read, or the file holds no Gemma-2.</exception>
    internal static GemmaConfig ConfigOf(IWeightFile file)
    {
        string beside = Path.Combine(Path.GetDirectoryName(file.Files[0]) ?? "", GemmaConfigFile.Name);
        if (File.Exists(beside)) return GemmaConfigFile.Read(beside);
        if (file.Metadata.TryGetValue(ConfigKey, out string? json)) return GemmaConfigFile.Parse(json, $"{file.Source}: {ConfigKey} in its metadata");
        var shape = GemmaWeights.EmbeddingShape(file);
        return shape is [var vocabulary, var hidden] && vocabulary == GemmaConfig.Gemma2B.Vocabulary && hidden == GemmaConfig.Gemma2B.Hidden
            ? GemmaConfig.Gemma2B
            : throw new ConfigurationException(
                $"{file.Source}: there is no {GemmaConfigFile.Name} beside it, and its embedding [{string.Join(", ", shape)}] is not that of Gemma-2-2B, [{GemmaConfig.Gemma2B.Vocabulary}, {GemmaConfig.Gemma2B.Hidden}]; put the model's {GemmaConfigFile.Name} into its folder");
    }

    /// <summary>The states of texts after the last norm.</summary>
    /// <param name="ids">[texts, L] token ids, padded on the right to one length; positions count from 0 whatever the mask says.</param>
    /// <param name="mask">[texts, L], 1 for a token and 0 for padding, or empty for no padding. Nobody sees a token of padding; its own state is computed as any other. Where a window ends before such a
    /// token and no other lies within it, attention adds nothing to its state; other implementations may differ there.</param>
    /// <param name="texts">B, at least 1.</param>
    /// <param name="progress">Told of every layer.</param>
    /// <param name="cancellation">Ends the pass after the layer in hand, of many texts after the part of it in hand.</param>
    /// <returns>[B, L, C] in float32 on the device; the caller disposes of it.</returns>
    /// <exception cref="ShapeException">Ids and mask differ in length, are empty or not a multiple of the texts, or a text has more than <see cref="MostTokens"/>.</exception>
    /// <exception cref="DataException">An id has no row in the embedding, or the mask holds something else than 0 and 1.</exception>
    /// <exception cref="FileFormatException">A layer cannot be read (low memory only).</exception>
    /// <exception cref="DeviceException">The device is out of memory, or does not multiply in the precision asked for.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Tensor Encode(ReadOnlySpan<int> ids, ReadOnlySpan<int> mask, int texts, Action<GemmaProgress>? progress = null, CancellationToken cancellation = default)
        => Encode(ids, mask, texts, null, progress, cancellation);

    /// <param name="ids">As above.</param>
    /// <param name="mask">As above.</param>
    /// <param name="texts">As above.</param>
    /// <param name="observe">Given the scaled embedding as 0, and what left layer i as i + 1; free to read, not to keep.</param>
    /// <param name="progress">As above.</param>
    /// <param name="cancellation">As above.</param>
    internal Tensor Encode(ReadOnlySpan<int> ids, ReadOnlySpan<int> mask, int texts, Action<int, Tensor>? observe, Action<GemmaProgress>? progress = null, CancellationToken cancellation = default)
    {
        Require(ids, mask, texts);
        int tokens = ids.Length / texts;
        using var table = SequenceRotaryTable.Create(_device, tokens, Config.HeadWidth, Config.RopeTheta);
        using var seen = mask.IsEmpty ? null : _device.Upload(mask, [texts, tokens]);
        var x = _device.Allocate([texts, tokens, Config.Hidden]);
        try
        {
            Embed(ids, x);
            observe?.Invoke(0, x);
            for (int layer = 0; layer < Config.Layers; layer++)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Invoke(new(layer, Config.Layers, Loading: false));
                var rule = new CausalAttentionRule((float)Config.Scale, (float)(_options.SoftCap ?? 0), Config.Sliding[layer] ? Config.Window : 0);
                var read = _options.LowMemory ? new GemmaLayer(_device, _weights, layer) : null;
                try
                {
                    Forward(read ?? _layers[layer], x, seen, table, rule, cancellation);
                }
                finally
                {
                    read?.Dispose();
                }
                observe?.Invoke(layer + 1, x);
            }
            using var norm = _norm is null ? _weights.Load(_device, "norm.weight") : null;
            ZeroCenteredRmsNorm.Forward(x, norm ?? _norm!, (float)Config.NormEpsilon, null, x);
            progress?.Invoke(new(Config.Layers, Config.Layers, Loading: false));
            return x;
        }
        catch
        {
            x.Dispose();
            throw;
        }
    }

    private void Forward(GemmaLayer layer, Tensor x, Tensor? seen, SequenceRotaryTable table, CausalAttentionRule rule, CancellationToken cancellation)
    {
        int texts = x.Shape[0], tokens = x.Shape[1], atATime = Math.Max(1, TokensAtATime / tokens);
        for (int first = 0; first < texts; first += atATime)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(atATime, texts - first);
            layer.Forward(x.Slice((long)first * tokens * Config.Hidden, [count, tokens, Config.Hidden]), seen?.Slice((long)first * tokens, [count, tokens]), table, Config, rule, _options.Precision);
        }
    }

    private void Embed(ReadOnlySpan<int> ids, Tensor x)
    {
        if (_embedding is not null)
        {
            using var rows = _device.Upload(ids, [ids.Length]);
            ScaledEmbedding.Forward(_embedding, rows, Config.EmbeddingScale, x);
            return;
        }
        // Only the rows that occur, each once.
        int[] used = [.. ids.ToArray().Distinct().Order()];
        using var table = _weights.LoadEmbeddings(_device, used);
        using var places = _device.Upload(Array.ConvertAll(ids.ToArray(), id => Array.BinarySearch(used, id)), [ids.Length]);
        ScaledEmbedding.Forward(table, places, Config.EmbeddingScale, x);
    }

    private void Require(ReadOnlySpan<int> ids, ReadOnlySpan<int> mask, int texts)
    {
        if (texts < 1 || ids.IsEmpty || ids.Length % texts != 0) throw new ShapeException($"{ids.Length} ids were given for {texts} texts of one length");
        if (ids.Length / texts > MostTokens) throw new ShapeException($"a text of {ids.Length / texts} tokens was given; at most {MostTokens} are encoded");
        if (!mask.IsEmpty && mask.Length != ids.Length) throw new ShapeException($"the mask has {mask.Length} values for {ids.Length} ids");
        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i] < 0 || ids[i] >= Config.Vocabulary) throw new DataException($"token {i % (ids.Length / texts)} of text {i / (ids.Length / texts)} is id {ids[i]}; 0 to {Config.Vocabulary - 1} was expected");
            if (!mask.IsEmpty && mask[i] is not (0 or 1)) throw new DataException($"the mask of token {i % (ids.Length / texts)} of text {i / (ids.Length / texts)} is {mask[i]}; 0 or 1 was expected");
        }
    }

    /// <summary>Frees the weights and closes the file.</summary>
    public void Dispose()
    {
        _file?.Dispose();
        _embedding?.Dispose();
        _norm?.Dispose();
        foreach (var layer in _layers) layer.Dispose();
    }
}
