namespace PixelDiT.Reference.Data.Archives;

/// <summary>Names in UTF-8 by the order of their bytes, found by halving.</summary>
internal sealed class SortedNames
{
    private readonly Func<int, ReadOnlySpan<byte>> _nameOf;
    private readonly int[] _order;

    /// <summary>Sorts names.</summary>
    /// <param name="count">How many.</param>
    /// <param name="nameOf">A name by its number.</param>
    public SortedNames(int count, Func<int, ReadOnlySpan<byte>> nameOf)
    {
        (_nameOf, _order) = (nameOf, [.. Enumerable.Range(0, count)]);
        Array.Sort(_order, (one, other) => _nameOf(one).SequenceCompareTo(_nameOf(other)));
    }

    /// <summary>Numbers in the order of their names.</summary>
    public IReadOnlyList<int> Order => _order;

    /// <summary>A number whose name occurs twice; −1 if all differ.</summary>
    public int FirstTwice()
    {
        for (int i = 1; i < _order.Length; i++)
        {
            if (_nameOf(_order[i]).SequenceEqual(_nameOf(_order[i - 1]))) return _order[i];
        }
        return -1;
    }

    /// <summary>The number of a name; −1 if there is none.</summary>
    public int Find(ReadOnlySpan<byte> name)
    {
        for (int lo = 0, hi = _order.Length - 1; lo <= hi;)
        {
            int middle = (lo + hi) >>> 1, compared = _nameOf(_order[middle]).SequenceCompareTo(name);
            if (compared == 0) return _order[middle];
            if (compared < 0) lo = middle + 1;
            else hi = middle - 1;
        }
        return -1;
    }
}
