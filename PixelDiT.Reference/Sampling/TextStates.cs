using System.Runtime.InteropServices;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Text;

namespace PixelDiT.Reference.Sampling;

/// <summary>What an encoder makes of a run's texts, each text once. It is made before the model is loaded, so that the encoder's memory is free again.</summary>
public sealed class TextStates
{
    private readonly Dictionary<Prompt, float[]> _states;

    private readonly Dictionary<Prompt, string> _hashes = [];

    private TextStates(Dictionary<Prompt, float[]> states) => _states = states;

    /// <summary>The texts of a run, each once: prompts, and where there is guidance what it leads away from.</summary>
    public static IReadOnlyList<Prompt> TextsOf(TextPlan plan) =>
        [.. plan.Prompts.Select(Words).Concat(plan.IsGuided ? plan.Prompts.Select(Away) : []).Distinct()];

    /// <summary>Encodes the texts of a run.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="model">The model that will read the states; of more than it takes, the first are kept.</param>
    /// <param name="progress">As of <see cref="ITextEncoder.Encode"/>.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="ConfigurationException">The encoder's states are of another width than the model takes.</exception>
    /// <exception cref="DataException">The encoder cannot encode a text.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static TextStates Encode(TextPlan plan, ITextEncoder encoder, ModelConfig model, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        if (encoder.Width != model.TextWidth) throw new ConfigurationException($"the text encoder {encoder.Name} gives states of {encoder.Width} channels; {model.TextWidth}, the model's text width, were expected");
        var texts = TextsOf(plan);
        var encoded = encoder.Encode(texts, progress, cancel);
        int length = checked(Math.Min(encoder.Tokens, model.TextTokens) * model.TextWidth);
        return new(texts.Zip(encoded).ToDictionary(text => text.First, text => text.Second.Length > length ? text.Second[..length] : text.Second));
    }

    /// <summary>The states of a prompt [n, width].</summary>
    public float[] Of(PlannedPrompt prompt) => _states[Words(prompt)];

    /// <summary>The states that guidance leads away from [n, width].</summary>
    public float[] AwayFrom(PlannedPrompt prompt) => _states[Away(prompt)];

    /// <summary>A name for the states of a run's texts, or of one image's: SHA-256 over the hash of each text's states, float32 and little-endian, in 64 hexadecimal digits a line.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="k">The image; null for all.</param>
    public string HashOf(TextPlan plan, long? k = null)
        => FileHash.Sum(Encoding.ASCII.GetBytes(string.Concat(TextsOf(k is null ? plan : plan with { Prompts = [plan.PromptOf(k.Value)] }).Select(text => $"{HashOf(text)}\n"))));

    private string HashOf(Prompt text)
    {
        if (!_hashes.TryGetValue(text, out string? hash)) _hashes[text] = hash = FileHash.Sum(MemoryMarshal.AsBytes(_states[text].AsSpan()));
        return hash;
    }

    private static Prompt Words(PlannedPrompt prompt) => new(prompt.Text);

    private static Prompt Away(PlannedPrompt prompt) => new(prompt.Negative, Negative: true);
}
