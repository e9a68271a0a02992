using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Text.Tokenizers;

namespace PixelDiT.Reference.Text.Encoders;

/// <summary>
/// Gemma-2 as the text-to-image model reads it (SPEC §6): instruction and prompt as one row of ids, of whose states the first and the last n − 1 are kept; a negative prompt alone, all n states kept. Tokenizer and weights
/// are read when the first text is encoded.
/// </summary>
/// <param name="source">Its files.</param>
/// <param name="device">Where it computes.</param>
/// <param name="instruction">What stands before every prompt; empty for none. The one that the source was opened with.</param>
/// <param name="states">n, the states that are kept of a text. The number that the source was opened with.</param>
/// <param name="options">How it runs. Those that the source was opened with, but for <see cref="GemmaOptions.LowMemory"/>, which changes no state.</param>
/// <param name="say">Told once, in a line, of the first text that is too long.</param>
public sealed class GemmaTextEncoder(GemmaSource source, Device device, Instruction instruction, int states, GemmaOptions options, Action<string>? say = null) : ITextEncoder
{
    // A row of 506 states takes 4.4 MiB.
    private const int MostRows = 64;

    private Action<string>? _say = say;
    private PromptRows? _rows;
    private GemmaEncoder? _encoder;

    /// <inheritdoc/>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"gemma-2 ({GemmaWeights.Shapes(source.Config).Sum(entry => entry.Shape.Count):N0} parameters)");

    /// <inheritdoc/>
    public string Identity => source.Identity;

    /// <inheritdoc/>
    public int Width => source.Config.Hidden;

    /// <inheritdoc/>
    public int Tokens => states;

    /// <inheritdoc/>
    public long KeptBytes => options.LowMemory ? 0 : sizeof(ushort) * GemmaWeights.Shapes(source.Config).Sum(entry => entry.Shape.Count);

    /// <summary>
    /// Encodes texts, equal ones once, up to 64 in a pass. With <see cref="GemmaOptions.LowMemory"/> texts with and without the instruction go through one pass, so that each layer is read once.
    /// </summary>
    /// <inheritdoc cref="ITextEncoder.Encode"/>
    public IReadOnlyList<float[]> Encode(IReadOnlyList<Prompt> prompts, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        var rows = Rows();
        var texts = new Dictionary<Prompt, PromptRow>();
        foreach (var prompt in prompts)
        {
            cancel.ThrowIfCancellationRequested();
            if (!texts.ContainsKey(prompt)) texts.Add(prompt, Row(rows, prompt));
        }
        KeyValuePair<Prompt, PromptRow>[][] passes = [.. texts.GroupBy(text => options.LowMemory ? 0 : text.Value.Ids.Length).SelectMany(group => group.Chunk(MostRows))];
        double done = 0, total = passes.Length + (_encoder is null && !options.LowMemory ? 1 : 0);
        void Say(GemmaProgress at, string what)
        {
            double part = (double)at.Layer / at.Layers;
            progress?.Invoke((done + part) / total, string.Create(CultureInfo.InvariantCulture, $"{what} layer {Math.Min(at.Layer + 1, at.Layers)} of {at.Layers}"));
        }

        if (_encoder is null)
        {
            _encoder = GemmaEncoder.Open(device, source.Path, options, at =>
            {
                cancel.ThrowIfCancellationRequested();
                Say(at, "reading the text encoder,");
            });
            if (!options.LowMemory) done++;
        }
        var found = new Dictionary<Prompt, float[]>();
        foreach (var pass in passes)
        {
            string what = pass.Length == 1 ? "encoding a text," : $"encoding {pass.Length} texts,";
            Encode(pass, found, at => Say(at, what), cancel);
            done++;
        }
        return [.. prompts.Select(prompt => found[prompt])];
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> WordsOf(Prompt prompt)
    {
        var rows = Rows();
        var row = prompt.Negative ? rows.Unconditional(prompt.Words) : rows.Prompt(prompt.Words);
        return [.. row.Kept.Select(at => rows.PieceOf(row.Ids[at]))];
    }

    private void Encode(KeyValuePair<Prompt, PromptRow>[] pass, Dictionary<Prompt, float[]> found, Action<GemmaProgress> progress, CancellationToken cancel)
    {
        // A shorter row is padded to the longest; nobody sees the padding, and none of it is kept.
        int length = pass.Max(text => text.Value.Ids.Length);
        int[] ids = new int[pass.Length * length], mask = new int[ids.Length];
        for (int i = 0; i < pass.Length; i++)
        {
            var row = pass[i].Value;
            row.Ids.CopyTo(ids, i * length);
            mask.AsSpan(i * length, row.Tokens).Fill(1);
        }
        using var x = _encoder!.Encode(ids, mask, pass.Length, progress, cancel);                      // [B, L, C]
        for (int i = 0; i < pass.Length; i++) found[pass[i].Key] = Kept(x, (long)i * length, pass[i].Value.Kept);
    }

    /// <summary>States [n, C] of a text whose row begins with a state.</summary>
    private float[] Kept(Tensor x, long first, int[] kept)
    {
        float[] values = new float[kept.Length * Width];
        for (int at = 0, end; at < kept.Length; at = end)
        {
            for (end = at + 1; end < kept.Length && kept[end] == kept[end - 1] + 1;) end++;
            x.Slice((first + kept[at]) * Width, [end - at, Width]).Download(values.AsSpan(at * Width, (end - at) * Width));
        }
        return values;
    }

    private PromptRow Row(PromptRows rows, Prompt prompt)
    {
        var row = prompt.Negative ? rows.Unconditional(prompt.Words) : rows.Prompt(prompt.Words);
        if (row.CutOff > 0)
        {
            _say?.Invoke($"the text {Quote.Text(prompt.Words)} is too long by {row.CutOff} tokens, which are cut off, here and wherever a text is too long");
            _say = null;
        }
        return row;
    }

    private PromptRows Rows()
    {
        if (_rows is not null) return _rows;
        var tokenizer = BpeTokenizer.Open(source.Tokenizer);
        if (tokenizer.Count > source.Config.Vocabulary)
            throw new ConfigurationException($"{tokenizer.Source}: has {tokenizer.Count} ids, and the embedding of {source.Path} {source.Config.Vocabulary} rows; it is another model's tokenizer");
        return _rows = new(tokenizer, instruction.Text, states);
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        _encoder?.Dispose();
        _encoder = null;
    }
}
