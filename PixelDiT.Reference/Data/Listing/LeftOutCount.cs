using System.Globalization;

namespace PixelDiT.Reference.Data.Listing;

/// <summary>Counts what is left out, by what it is and why.</summary>
internal sealed class LeftOutCount
{
    private const int Shown = 8;

    private readonly Dictionary<(string One, string Many, string Why), long> _counts = [];

    /// <summary>Counts some more.</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">What one of them is called.</param>
    /// <param name="many">What several are called.</param>
    /// <param name="why">Why they are left out.</param>
    public void Add(long count, string one, string many, string why) => _counts[(one, many, why)] = _counts.GetValueOrDefault((one, many, why)) + count;

    /// <summary>All of it.</summary>
    public IEnumerable<(string One, string Many, string Why, long Count)> All => _counts.Select(entry => (entry.Key.One, entry.Key.Many, entry.Key.Why, entry.Value));

    /// <summary>All of it in one line, such as "left out: 5,000 .heic (a HEIC picture, not read), 3 .txt (no picture)"; null if there is nothing.</summary>
    public string? Describe()
    {
        if (_counts.Count == 0) return null;
        var sorted = _counts.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key.One, StringComparer.Ordinal).ToArray();
        string rest = sorted.Length > Shown ? string.Create(CultureInfo.InvariantCulture, $" and {sorted.Skip(Shown).Sum(entry => entry.Value):N0} more") : "";
        return $"left out: {string.Join(", ", sorted.Take(Shown).Select(Words))}{rest}";
    }

    private static string Words(KeyValuePair<(string One, string Many, string Why), long> entry) =>
        string.Create(CultureInfo.InvariantCulture, $"{entry.Value:N0} {(entry.Value == 1 ? entry.Key.One : entry.Key.Many)} ({entry.Key.Why})");
}
