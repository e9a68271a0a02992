using System.Runtime.InteropServices;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;

namespace PixelDiT.Reference.Text;

/// <summary>
/// Keeps the states of texts in a folder, a file each, so that a text is encoded once. A file's name is a hash of the encoder's identity and the text; a sum over its states is confirmed before they are used, and a file
/// that is damaged is made anew. An encoder that reads its weights when it first encodes reads none for texts that are kept.
/// </summary>
/// <param name="encoder">What encodes the others; this object's from here on.</param>
/// <param name="folder">The folder, made when it is needed.</param>
/// <param name="say">Told once, in a line, that nothing can be kept and why.</param>
public sealed class EmbeddingCache(ITextEncoder encoder, string folder, Action<string>? say = null) : ITextEncoder
{
    /// <summary>The most bytes that all files take: 4 GiB, some 1,500 texts of the released model. The oldest go first.</summary>
    public const long MostBytes = 4L << 30;

    private const string Ending = ".safetensors", States = "states", KeyName = "text", SumName = "sha256";

    private Action<string>? _say = say;

    /// <summary>The user's folder. Null where there is no place for one.</summary>
    public static string? UserFolder() => CacheFolder.OfUser("texts");

    /// <inheritdoc/>
    public string Name => encoder.Name;

    /// <inheritdoc/>
    public string Identity => encoder.Identity;

    /// <inheritdoc/>
    public long KeptBytes => encoder.KeptBytes;

    /// <inheritdoc/>
    public int Width => encoder.Width;

    /// <inheritdoc/>
    public int Tokens => encoder.Tokens;

    /// <inheritdoc/>
    public IReadOnlyList<string>? WordsOf(Prompt prompt) => encoder.WordsOf(prompt);

    /// <inheritdoc/>
    public IReadOnlyList<float[]> Encode(IReadOnlyList<Prompt> prompts, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        var known = new Dictionary<Prompt, float[]>();
        var missing = new List<Prompt>();
        foreach (var prompt in prompts.Distinct())
        {
            cancel.ThrowIfCancellationRequested();
            if (Read(KeyOf(prompt)) is { } states) known.Add(prompt, states);
            else missing.Add(prompt);
        }
        if (missing.Count > 0)
        {
            var states = encoder.Encode(missing, progress, cancel);
            for (int i = 0; i < missing.Count; i++)
            {
                known.Add(missing[i], states[i]);
                Write(KeyOf(missing[i]), states[i]);
            }
            CacheFolder.Trim(folder, Ending, FileOf(KeyOf(missing[^1])), MostBytes);
        }
        return [.. prompts.Select(prompt => known[prompt])];
    }

    private string KeyOf(Prompt prompt) => FileHash.Sum(JsonSerializer.SerializeToUtf8Bytes((string[])[encoder.Identity, prompt.Negative ? "negative" : "prompt", prompt.Words]));

    private string FileOf(string key) => Path.Combine(folder, key + Ending);

    private float[]? Read(string key)
    {
        string path = FileOf(key);
        if (!File.Exists(path)) return null;
        try
        {
            using var file = SafetensorsReader.Open(path);
            if (file.Metadata.GetValueOrDefault(KeyName) != key || !file.Contains(States) || file[States] is not { Type: DataType.F32 } tensor || !tensor.Shape.SequenceEqual([Tokens, Width])) return null;
            float[] states = file.ReadSingles(States);
            if (SumOf(states) != file.Metadata.GetValueOrDefault(SumName)) return null;
            CacheFolder.Touch(path);
            return states;
        }
        catch (FileFormatException)
        {
            return null;
        }
    }

    private void Write(string key, float[] states)
    {
        try
        {
            AtomicFile.MakeFolder(folder);
            SafetensorsWriter.Write(FileOf(key), [new TensorData(States, [Tokens, Width], states)], new Dictionary<string, string> { [KeyName] = key, [SumName] = SumOf(states) });
        }
        catch (FileFormatException error)
        {
            _say?.Invoke($"states of texts are not kept: {error.Message}");
            _say = null;
        }
    }

    private static string SumOf(float[] states) => FileHash.Sum(MemoryMarshal.AsBytes<float>(states));

    /// <summary>Frees the encoder.</summary>
    public void Dispose() => encoder.Dispose();
}
