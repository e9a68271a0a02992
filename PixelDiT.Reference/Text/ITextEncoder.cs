using PixelDiT.Kernels;

namespace PixelDiT.Reference.Text;

/// <summary>A text as a model is given it.</summary>
/// <param name="Words">What a person wrote; may be empty.</param>
/// <param name="Negative">
/// Whether it is the unconditional side of guidance, a negative prompt or nothing: encoders that put an instruction before prompts put none before it.
/// </param>
public readonly record struct Prompt(string Words, bool Negative = false);

/// <summary>Turns texts into the states that a text-to-image model attends to (SPEC §6). Used by one thread at a time.</summary>
public interface ITextEncoder : IDisposable
{
    /// <summary>What it is, for messages and records; for example "words" or "gemma-2 (2,614,341,888 parameters)".</summary>
    string Name { get; }

    /// <summary>
    /// 64 hexadecimal digits: SHA-256 of everything that decides the states (weights, tokenizer, instruction, options). Two encoders of one identity give the same states for the same text.
    /// </summary>
    string Identity { get; }

    /// <summary>Channels of a state; the model's text width.</summary>
    int Width { get; }

    /// <summary>n, the states of every text, padding included.</summary>
    int Tokens { get; }

    /// <summary>Bytes of memory that it keeps from the first text on until it is disposed of, its weights above all; 0 where that is little.</summary>
    long KeptBytes => 0;

    /// <summary>Encodes texts.</summary>
    /// <param name="prompts">The texts, at least one.</param>
    /// <param name="progress">Told how much of the whole is done, from 0 to 1, and in words what is being done.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <returns>For each text its states [n, width], row-major.</returns>
    /// <exception cref="DataException">The encoder cannot encode a text: it has stored states only, and none of this text.</exception>
    /// <exception cref="FileFormatException">A file of the encoder cannot be read.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    IReadOnlyList<float[]> Encode(IReadOnlyList<Prompt> prompts, Action<double, string>? progress = null, CancellationToken cancel = default);

    /// <summary>What each state of a text stands for, such as its words and the padding behind them; null where the encoder does not know.</summary>
    /// <param name="prompt">The text.</param>
    /// <returns>[n].</returns>
    /// <exception cref="FileFormatException">A file of the encoder cannot be read.</exception>
    IReadOnlyList<string>? WordsOf(Prompt prompt) => null;
}
