using System.Globalization;
using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Text.Tokenizers;

namespace PixelDiT.Reference.Text.Encoders;

/// <summary>
/// The files of a text encoder and what of them decides its states, known without reading a weight into memory: names, shapes and config are checked, and every file is hashed. The identity is SHA-256 over the hashes of
/// the files of weights, whole, which are remembered (<see cref="FileHash"/>); the config; the hash of the tokenizer's file; the instruction; the soft cap; the precision; and the states that are kept.
/// </summary>
public sealed class GemmaSource
{
    private const int Version = 1;

    private static readonly string[] s_tokenizers = ["tokenizer.json", "tokenizer.model"];

    private GemmaSource(string path, GemmaConfig config, string tokenizer, string identity) => (Path, Config, Tokenizer, Identity) = (path, config, tokenizer, identity);

    /// <summary>The folder or file that was named.</summary>
    public string Path { get; }

    /// <summary>What the model is.</summary>
    public GemmaConfig Config { get; }

    /// <summary>The file of the tokenizer; that of the weights where it holds one.</summary>
    public string Tokenizer { get; }

    /// <summary>64 hexadecimal digits.</summary>
    public string Identity { get; }

    /// <summary>Finds the files of an encoder, checks the weights' names and shapes, and hashes all.</summary>
    /// <param name="path">As <see cref="GemmaEncoder.Open"/> takes it.</param>
    /// <param name="tokenizer">The tokenizer's file; null for tokenizer.json or tokenizer.model beside the weights, or the tensor "spiece_model" among them.</param>
    /// <param name="instruction">What stands before every prompt; empty for none.</param>
    /// <param name="states">The states that are kept of a text.</param>
    /// <param name="options">How the encoder runs.</param>
    /// <param name="memory">The folder that remembers hashes, or null.</param>
    /// <param name="progress">Told what share of the weights has been hashed; never told when all are remembered.</param>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="FileFormatException">A file is missing, cannot be read, or holds no Gemma-2.</exception>
    /// <exception cref="ConfigurationException">The config describes no Gemma-2, or an option is out of range.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static GemmaSource Open(string path, string? tokenizer, Instruction instruction, int states, GemmaOptions options, string? memory = null, Action<double>? progress = null, CancellationToken cancel = default)
    {
        options.Validate();
        GemmaConfig config;
        string[] files;
        using (var weights = WeightFile.Open(path))
        {
            config = GemmaEncoder.ConfigOf(weights);
            _ = new GemmaWeights(weights, config);
            files = [.. weights.Files];
            tokenizer ??= FindTokenizer(weights);
        }
        string tokenizerHash = files.Contains(tokenizer) ? "within" : FileHash.Of(tokenizer, memory, null, cancel);
        double total = files.Sum(file => (double)new FileInfo(file).Length), done = 0;
        List<string> parts = [string.Create(CultureInfo.InvariantCulture, $"gemma-2 states {Version}")];
        foreach (string file in files)
        {
            parts.Add(FileHash.Of(file, memory, at => progress?.Invoke((done + at) / total), cancel));
            done += new FileInfo(file).Length;
        }
        parts.AddRange([Words(config), tokenizerHash, instruction.Sha256, Invariant(options.SoftCap ?? 0), $"{options.Precision}", Invariant(states)]);
        return new(path, config, tokenizer, FileHash.Sum(JsonSerializer.SerializeToUtf8Bytes(parts)));
    }

    private static string FindTokenizer(IWeightFile weights)
    {
        string folder = System.IO.Path.GetDirectoryName(weights.Files[0]) ?? "";
        if (s_tokenizers.Select(name => System.IO.Path.Combine(folder, name)).FirstOrDefault(File.Exists) is { } beside) return beside;
        if (weights.Contains(BpeTokenizer.TensorName)) return weights.Files[0];
        throw new FileFormatException($"{weights.Source}: has no tokenizer: there is no {string.Join(" and no ", s_tokenizers)} beside it, and no tensor {Quote.Text(BpeTokenizer.TensorName)} in it; --tokenizer names the file");
    }

    /// <summary>All that the config says, in an order of its own.</summary>
    private static string Words(GemmaConfig config) => new StringBuilder().AppendJoin(' ', (string[])
    [
        Invariant(config.Vocabulary), Invariant(config.Hidden), Invariant(config.Intermediate), Invariant(config.Heads), Invariant(config.KeyHeads), Invariant(config.HeadWidth), Invariant(config.QueryScalar),
        Invariant(config.Window), string.Concat(config.Sliding.Select(slides => slides ? 's' : 'f')), Invariant(config.RopeTheta), Invariant(config.NormEpsilon)
    ]).ToString();

    private static string Invariant(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}
