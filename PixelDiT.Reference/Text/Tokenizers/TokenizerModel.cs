namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>All that a tokenizer's file says.</summary>
/// <param name="Kind">The kind of file, in words.</param>
/// <param name="Vocabulary">The pieces.</param>
/// <param name="Merges">Which of them become one.</param>
/// <param name="Added">What is found in a text as it was typed.</param>
/// <param name="Bos">The id in front of every text.</param>
/// <param name="Pad">The id that fills a row.</param>
internal sealed record TokenizerModel(string Kind, Vocabulary Vocabulary, Merges Merges, AddedTokens Added, int Bos, int Pad);
