namespace PixelDiT.Reference.Data;

/// <summary>Counts what is left out, by what it is and why.</summary>
internal sealed class LeftOutCount
{
    private const int Shown = 8;

    private readonly Dictionary<(string What, string Why), long> _counts = [];

    /// <summary>Counts some more.</summary>
    public void Add(long count, string what, string why) => _counts[(what, why)] = _counts.GetValueOrDefault((what, why)) + count;

    /// <summary>All of it in one line, such as "left out: 5,000 .heic (a HEIC picture, not read), 3 .txt (no picture)"; null if there is nothing.</summary>
    public string? Describe()
    {
        if (_counts.Count == 0) return null;
        var sorted = _counts.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key.What, StringComparer.Ordinal).ToArray();
        string rest = sorted.Length > Shown ? $" and {sorted.Skip(Shown).Sum(entry => entry.Value):N0} more" : "";
        return $"left out: {string.Join(", ", sorted.Take(Shown).Select(entry => $"{entry.Value:N0} {entry.Key.What} ({entry.Key.Why})"))}{rest}";
    }
}
