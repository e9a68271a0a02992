using System.Buffers;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>A token that is found in a text as it was typed, before byte-pair encoding.</summary>
/// <param name="Text">What is typed.</param>
/// <param name="Id">Its id.</param>
/// <param name="IsSpecial">Whether it steers the model, such as the beginning of a text, and is no part of what a text says.</param>
internal sealed record AddedToken(string Text, int Id, bool IsSpecial);

/// <summary>Finds added tokens: at the leftmost place where one begins, the longest that begins there. A trie, so that the time is the text's length times that of the longest token at most.</summary>
internal sealed class AddedTokens
{
    /// <summary>What a file may hold: Gemma-2 has 249 of at most 31 characters.</summary>
    public const int MaximumTokens = 1 << 13, MaximumLength = 64;

    private const int Root = 0, None = -1;

    private readonly Dictionary<(int Node, char Next), int> _children = [];
    private readonly List<int> _idAt = [None];
    private readonly HashSet<int> _special = [];
    private readonly SearchValues<char> _first;

    /// <summary>Makes the trie of these tokens; none is empty.</summary>
    public AddedTokens(IReadOnlyCollection<AddedToken> tokens)
    {
        foreach (var token in tokens)
        {
            int node = Root;
            foreach (char next in token.Text)
            {
                if (!_children.TryGetValue((node, next), out int child))
                {
                    child = _idAt.Count;
                    _children.Add((node, next), child);
                    _idAt.Add(None);
                }
                node = child;
            }
            _idAt[node] = token.Id;
            if (token.IsSpecial) _special.Add(token.Id);
        }
        _first = SearchValues.Create([.. tokens.Select(token => token.Text[0]).Distinct()]);
    }

    /// <summary>Whether an id is that of a special token.</summary>
    public bool IsSpecial(int id) => _special.Contains(id);

    /// <summary>Finds the next token.</summary>
    /// <param name="text">Where to look.</param>
    /// <param name="at">Where it begins.</param>
    /// <param name="length">Its length in UTF-16 units.</param>
    /// <param name="id">Its id.</param>
    /// <returns>False where there is none.</returns>
    public bool Find(ReadOnlySpan<char> text, out int at, out int length, out int id)
    {
        for (at = 0; at < text.Length; at++)
        {
            int skipped = text[at..].IndexOfAny(_first);
            if (skipped < 0) break;
            at += skipped;
            if (Longest(text[at..], out length, out id)) return true;
        }
        (at, length, id) = (text.Length, 0, None);
        return false;
    }

    private bool Longest(ReadOnlySpan<char> text, out int length, out int id)
    {
        (length, id) = (0, None);
        int node = Root;
        for (int i = 0; i < text.Length && _children.TryGetValue((node, text[i]), out node); i++)
        {
            if (_idAt[node] != None) (length, id) = (i + 1, _idAt[node]);
        }
        return id != None;
    }
}
