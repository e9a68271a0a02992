using System.Text;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>
/// Byte-pair encoding of a text without added tokens. It begins with the characters and merges, again and again, the pair with the smallest rank, the leftmost of equal ones.
/// Symbols are a linked list and pairs wait in a heap: n characters take O(n log n), be they one word or many.
/// </summary>
internal readonly ref struct PairMerging
{
    /// <summary>What stands for a space in pieces: U+2581.</summary>
    public const char Space = '\u2581';

    private const int None = -1;

    private readonly Merges _merges;
    private readonly int[] _ids, _previous, _next, _ranks, _merged;
    private readonly PriorityQueue<int, long> _waiting = new();

    private PairMerging(List<int> ids, Merges merges)
    {
        _merges = merges;
        _ids = [.. ids];
        int n = _ids.Length;
        (_previous, _next, _ranks, _merged) = (new int[n], new int[n], new int[n], new int[n]);
        for (int i = 0; i < n; i++) (_previous[i], _next[i]) = (i - 1, i + 1);
        for (int i = 0; i < n; i++) Consider(i);
    }

    /// <summary>Appends the ids of a text.</summary>
    /// <param name="text">Well-formed UTF-16, spaces as they are.</param>
    /// <param name="vocabulary">The pieces.</param>
    /// <param name="merges">Their merges.</param>
    /// <param name="ids">Receives the ids.</param>
    public static void Append(ReadOnlySpan<char> text, Vocabulary vocabulary, Merges merges, List<int> ids)
    {
        var merging = new PairMerging(Characters(text, vocabulary), merges);
        merging.Run();
        for (int at = 0; at < merging._ids.Length; at = merging._next[at]) ids.Add(merging._ids[at]);
    }

    /// <summary>The ids of the characters: a piece of its own, or else one for each byte in UTF-8.</summary>
    private static List<int> Characters(ReadOnlySpan<char> text, Vocabulary vocabulary)
    {
        var ids = new List<int>(text.Length);
        Span<char> units = stackalloc char[2];
        Span<byte> bytes = stackalloc byte[4];
        foreach (var character in text.EnumerateRunes())
        {
            var rune = character.Value == ' ' ? new Rune(Space) : character;
            if (vocabulary.TryFind(units[..rune.EncodeToUtf16(units)], out int id))
            {
                ids.Add(id);
                continue;
            }
            foreach (byte value in bytes[..rune.EncodeToUtf8(bytes)]) ids.Add(vocabulary.IdOf(value));
        }
        return ids;
    }

    private void Run()
    {
        int n = _ids.Length;
        while (_waiting.TryDequeue(out int left, out long priority))
        {
            // A rank belongs to one pair: where it differs, the pair that waited is not there any more.
            if (_ranks[left] != (int)(priority >> 32)) continue;
            int right = _next[left], after = _next[right];
            _ids[left] = _merged[left];
            _next[left] = after;
            if (after < n) _previous[after] = left;
            _ranks[right] = None;
            if (_previous[left] >= 0) Consider(_previous[left]);
            Consider(left);
        }
    }

    /// <summary>Lets the pair that begins at a symbol wait for its turn, where it has a merge.</summary>
    private void Consider(int left)
    {
        int right = _next[left];
        if (right >= _ids.Length || !_merges.TryFind(_ids[left], _ids[right], out var merge))
        {
            _ranks[left] = None;
            return;
        }
        (_ranks[left], _merged[left]) = (merge.Rank, merge.Id);
        _waiting.Enqueue(left, ((long)merge.Rank << 32) | (uint)left);
    }
}
