using PixelDiT.Kernels;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>A row of the text encoder.</summary>
/// <param name="Ids">The ids [n], padded on the right.</param>
/// <param name="Tokens">How many of them are the text's; the others are padding.</param>
/// <param name="Kept">Which hidden states the text-to-image model reads: rising indices into the row.</param>
public sealed record PromptRow(int[] Ids, int Tokens, int[] Kept)
{
    /// <summary>1 for the text's ids, 0 for padding [n].</summary>
    public int[] Mask => [.. Ids.Select((_, i) => i < Tokens ? 1 : 0)];

    /// <summary>How many of the text's ids did not fit.</summary>
    public int CutOff { get; init; }
}

/// <summary>
/// How the text-to-image model lays out its texts. A prompt follows the instruction, both as one text. With T tokens of the instruction alone, the beginning of text included, and room
/// for m tokens of the prompt a row has T + m − 2 ids: the beginning is counted twice, and the space at the instruction's end joins the prompt's first word. The states of index 0
/// and of the last m − 1 are kept: m of them. Without an instruction a row has m ids, and all are kept (SPEC §6).
/// </summary>
public sealed class PromptRows
{
    /// <summary>The states of a text that the released model reads.</summary>
    public const int ReleasedStates = 300;

    private readonly BpeTokenizer _tokenizer;
    private readonly string _instruction;

    /// <summary>Counts the instruction's tokens.</summary>
    /// <param name="tokenizer">Turns texts into ids.</param>
    /// <param name="instruction">What stands before every prompt; empty for none.</param>
    /// <param name="states">m, the states that are kept of a row: at least 1, and with an instruction at least 2.</param>
    /// <exception cref="ConfigurationException">Fewer states.</exception>
    public PromptRows(BpeTokenizer tokenizer, string instruction, int states = ReleasedStates)
    {
        int fewest = instruction.Length > 0 ? 2 : 1;
        if (states < fewest) throw new ConfigurationException($"the text's states are {states}; {fewest} or more were expected");
        (_tokenizer, _instruction, States) = (tokenizer, instruction, states);
        InstructionTokens = instruction.Length == 0 ? 0 : tokenizer.Encode(instruction).Length;
    }

    /// <summary>m: the states that are kept of every row.</summary>
    public int States { get; }

    /// <summary>T: the tokens of the instruction alone, the beginning of text included; 0 without one.</summary>
    public int InstructionTokens { get; }

    /// <summary>The ids of a prompt's row.</summary>
    public int Length => InstructionTokens == 0 ? States : InstructionTokens + States - 2;

    /// <summary>The row of a prompt; what does not fit is cut off at the right.</summary>
    /// <param name="prompt">The prompt without size marks (<see cref="PromptMarks"/>); it may be empty.</param>
    public PromptRow Prompt(string prompt) => Row(_instruction + prompt, Length);

    /// <summary>The row of the unconditional side: m ids without the instruction, all of them kept.</summary>
    /// <param name="negative">What the picture should not show; empty for nothing.</param>
    public PromptRow Unconditional(string negative = "") => Row(negative, States);

    /// <summary>The text of an id, such as " fox" or "&lt;pad&gt;".</summary>
    /// <param name="id">An id of a row.</param>
    public string PieceOf(int id) => _tokenizer.Decode([id], withSpecial: true);

    private PromptRow Row(string text, int length)
    {
        int[] ids = _tokenizer.Encode(text);
        int tokens = Math.Min(ids.Length, length);
        int[] row = new int[length];
        ids.AsSpan(0, tokens).CopyTo(row);
        row.AsSpan(tokens).Fill(_tokenizer.PadId);
        return new(row, tokens, [0, .. Enumerable.Range(length - States + 1, States - 1)]) { CutOff = ids.Length - tokens };
    }
}
