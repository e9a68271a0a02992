using System.Diagnostics.CodeAnalysis;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>The pairs of pieces that become one, and in which order.</summary>
internal sealed class Merges
{
    /// <summary>What a file may hold: Gemma-2 has 580,604.</summary>
    public const int MaximumMerges = 1 << 21;

    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly Dictionary<(int Left, int Right), Merge> _merges;
    private readonly string _source;

    /// <summary>One merge.</summary>
    /// <param name="Rank">Its place in the order; a smaller one comes first.</param>
    /// <param name="Id">The piece that the pair becomes.</param>
    public readonly record struct Merge(int Rank, int Id);

    /// <summary>A table without merges.</summary>
    /// <param name="ids">The pieces and their ids.</param>
    /// <param name="source">How messages call the file.</param>
    public Merges(Dictionary<string, int> ids, string source)
    {
        (_ids, _source) = (ids.GetAlternateLookup<ReadOnlySpan<char>>(), source);
        // Tuples are hashed with a seed of this process: no file can choose pairs that fall together.
        _merges = [];
    }

    /// <summary>The number of merges.</summary>
    public int Count => _merges.Count;

    /// <summary>The merge of a pair, if it has one.</summary>
    public bool TryFind(int left, int right, out Merge merge) => _merges.TryGetValue((left, right), out merge);

    /// <summary>Appends the merge of two pieces.</summary>
    /// <param name="pair">Both, one behind the other.</param>
    /// <param name="leftLength">The length of the left one.</param>
    /// <exception cref="FileFormatException">A piece or what they become is not in the vocabulary, or the pair occurs twice.</exception>
    public void Add(ReadOnlySpan<char> pair, int leftLength)
    {
        ReadOnlySpan<char> left = pair[..leftLength], right = pair[leftLength..];
        if (!_ids.TryGetValue(left, out int leftId)) Refuse(left, "is not in the vocabulary");
        if (!_ids.TryGetValue(right, out int rightId)) Refuse(right, "is not in the vocabulary");
        if (!_ids.TryGetValue(pair, out int id)) Refuse(pair, "is not in the vocabulary");
        if (Count == MaximumMerges) throw new FileFormatException($"{_source}: has more than {MaximumMerges} merges");
        if (!_merges.TryAdd((leftId, rightId), new(Count, id))) Refuse(pair, "is made from the same pair as by an earlier merge");
    }

    [DoesNotReturn]
    private void Refuse(ReadOnlySpan<char> piece, string why) => throw new FileFormatException($"{_source}: merge {Count}: {Quote.Text(piece)} {why}");
}
